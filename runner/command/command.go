package command

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Command is one workflow command as written, unescaped.
type Command struct {
	Name  string // as written; names ignore case
	Props Props
	Data  string
	V1    bool // `##[name]data` instead of `::name::data`
}

// Prop is one `key=value` of a command.
type Prop struct{ Key, Value string }

// Props are the properties of a command in order.
type Props []Prop

// Lookup returns the value of key, which ignores case; the last one wins.
func (p Props) Lookup(key string) (string, bool) {
	for i := len(p) - 1; i >= 0; i-- {
		if strings.EqualFold(p[i].Key, key) {
			return p[i].Value, true
		}
	}
	return "", false
}

// The registered command names.
const (
	nameAddMask       = "add-mask"
	nameAddMatcher    = "add-matcher"
	nameAddPath       = "add-path"
	nameDebug         = "debug"
	nameEcho          = "echo"
	nameEndGroup      = "endgroup"
	nameError         = "error"
	nameGroup         = "group"
	nameNotice        = "notice"
	nameRemoveMatcher = "remove-matcher"
	nameSaveState     = "save-state"
	nameSetEnv        = "set-env"
	nameSetOutput     = "set-output"
	nameSetRepoPath   = "internal-set-repo-path"
	nameStopCommands  = "stop-commands"
	nameWarning       = "warning"
)

// Known reports whether name is a workflow command; case is ignored.
func Known(name string) bool {
	switch strings.ToLower(name) {
	case nameAddMask, nameAddMatcher, nameAddPath, nameDebug, nameEcho, nameEndGroup, nameError, nameGroup,
		nameNotice, nameRemoveMatcher, nameSaveState, nameSetEnv, nameSetOutput, nameSetRepoPath,
		nameStopCommands, nameWarning:
		return true
	}
	return false
}

// Parse reads a line as a workflow command. A line that only looks like one is no command.
func Parse(line string) (Command, bool) { return parse(line, Known) }

// Marked tells whether a line can be a command. Scanner.Line passes any other on as it is.
func Marked(line string) bool {
	return strings.Contains(line, "##[") ||
		line != "" && (line[0] <= ':' || line[0] >= utf8.RuneSelf) && strings.HasPrefix(strings.TrimLeftFunc(line, unicode.IsSpace), "::")
}

// parse tries the syntaxes in the order of GitHub's runner.
// actions/runner: ActionCommand.cs
func parse(line string, known func(name string) bool) (Command, bool) {
	if c, ok := parseV2(line, known); ok {
		return c, true
	}
	return parseV1(line, known)
}

// parseV2 reads `::name key=value,key=value::data` after optional white space.
func parseV2(line string, known func(string) bool) (Command, bool) {
	rest, ok := strings.CutPrefix(strings.TrimLeftFunc(line, unicode.IsSpace), "::")
	if !ok {
		return Command{}, false
	}
	info, data, ok := strings.Cut(rest, "::")
	if !ok {
		return Command{}, false
	}
	name, props, _ := strings.Cut(info, " ")
	if !known(name) {
		return Command{}, false
	}
	return Command{Name: name, Props: splitProps(strings.TrimSpace(props), ",", unescapeProp), Data: unescapeData.Replace(data)}, true
}

// parseV1 reads `##[name key=value;key=value]data` anywhere in the line; what stands before it is dropped.
func parseV1(line string, known func(string) bool) (Command, bool) {
	_, rest, ok := strings.Cut(line, "##[")
	if !ok {
		return Command{}, false
	}
	info, data, ok := strings.Cut(rest, "]")
	if !ok {
		return Command{}, false
	}
	name, props, _ := strings.Cut(info, " ")
	if !known(name) {
		return Command{}, false
	}
	return Command{Name: name, Props: splitProps(props, ";", unescapeV1), Data: unescapeV1.Replace(data), V1: true}, true
}

// splitProps splits at the first run of `=`: empty entries do not count in GitHub's runner, so a property
// without value is no property and leading `=` of a value vanish, while later ones stay (`title=a=b`).
func splitProps(s, separator string, unescape *strings.Replacer) Props {
	var props Props
	for _, part := range strings.Split(s, separator) {
		key, value, _ := strings.Cut(strings.TrimLeft(part, "="), "=")
		value = strings.TrimLeft(value, "=")
		if key != "" && value != "" {
			props = append(props, Prop{Key: key, Value: unescape.Replace(value)})
		}
	}
	return props
}

// The replacers work in one pass, so `%250A` becomes `%0A` and never a newline.
var (
	unescapeData = strings.NewReplacer("%0D", "\r", "%0A", "\n", "%25", "%")
	unescapeProp = strings.NewReplacer("%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",", "%25", "%")
	unescapeV1   = strings.NewReplacer("%3B", ";", "%0D", "\r", "%0A", "\n", "%5D", "]", "%25", "%")
)
