package version

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Facts are what templates may say about a commit. What is empty or 0 is not
// known, and a tag that needs it is left out.
type Facts struct {
	SHA         string
	Branch      string // without refs/heads/
	Version     string // of a tag at the commit; see Highest
	Next        string // of a commit without one; see Next
	PullRequest int
	// Behind: a newer commit has the tags that go with the branch, or say nothing.
	Behind bool
	// Releases are the other versions that there are: the highest one has the tags
	// "latest", "1" and "1.2".
	Releases []Semver
}

// DefaultTags are those of a service that declares none.
var defaultTags = []string{"${sha}", "${branch}", "${version}", "pr-${pr}"}

// DefaultTags are the templates of a service that declares none.
func DefaultTags() []string { return slices.Clone(defaultTags) }

// variables are what a template may name.
var variables = map[string]func(Facts) string{
	"sha":      func(f Facts) string { return Short(f.SHA) },
	"full-sha": func(f Facts) string { return f.SHA },
	"branch":   func(f Facts) string { return Sanitize(f.Branch) },
	"version":  func(f Facts) string { return f.Version },
	"next":     func(f Facts) string { return f.Next },
	"minor": func(f Facts) string {
		return release(f, func(v Semver) string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) })
	},
	"major": func(f Facts) string {
		return release(f, func(v Semver) string { return strconv.FormatUint(v.Major, 10) })
	},
	"latest": func(f Facts) string { return release(f, func(Semver) string { return latest }) },
	"pr": func(f Facts) string {
		if f.PullRequest <= 0 {
			return ""
		}
		return strconv.Itoa(f.PullRequest)
	},
}

const latest = "latest"

// release gives a part of the version: a pre-release must not move the tags
// that people take releases from, nor an older release those of a newer one.
func release(f Facts, part func(Semver) string) string {
	v, ok := ParseSemver(f.Version)
	if !ok || v.Pre != "" {
		return ""
	}
	for _, other := range f.Releases {
		if other.Pre == "" && part(other) == part(v) && other.Compare(v) > 0 {
			return ""
		}
	}
	return part(v)
}

// NeedsReleases tells whether templates have tags that only the highest release gets.
func NeedsReleases(templates []string) bool {
	return slices.ContainsFunc(templates, func(text string) bool {
		return strings.Contains(text, "${latest}") || strings.Contains(text, "${major}") || strings.Contains(text, "${minor}")
	})
}

// Variables are the names that templates may use, sorted.
func Variables() []string { return slices.Sorted(maps.Keys(variables)) }

// Template is a tag with variables in it.
type Template struct {
	text  string
	parts []part
}

type part struct{ literal, variable string } // one of the two

// UnknownVariable says that a template names what there is not.
type UnknownVariable struct{ Template, Name string }

// Error names the variable.
func (e *UnknownVariable) Error() string {
	return fmt.Sprintf("tag %q: there is no variable %q", e.Template, e.Name)
}

// ParseTemplate reads a template such as "v${version}".
func ParseTemplate(text string) (Template, error) {
	t := Template{text: text}
	if text == "" {
		return t, errors.New("a tag must not be empty")
	}
	for rest := text; rest != ""; {
		literal, after, found := strings.Cut(rest, "${")
		if i := strings.IndexFunc(literal, func(r rune) bool { return r >= 0x80 || !tagByte(byte(r)) }); i >= 0 {
			return t, fmt.Errorf("tag %q: %q cannot stand in a tag: letters, digits, \".\", \"_\", \"-\" and ${variables} can", text, []rune(literal[i:])[0])
		}
		if literal != "" {
			t.parts = append(t.parts, part{literal: literal})
		}
		if !found {
			break
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed {
			return t, fmt.Errorf("tag %q: \"${\" is never closed", text)
		}
		if variables[name] == nil {
			return t, &UnknownVariable{text, name}
		}
		t.parts = append(t.parts, part{variable: name})
		rest = tail
	}
	if first := t.parts[0].literal; first != "" && strings.ContainsAny(first[:1], ".-") {
		return t, fmt.Errorf("tag %q: a tag starts with a letter, a digit or \"_\"", text)
	}
	return t, nil
}

// Expand gives the tag, or false when a variable of it is not known.
func (t Template) Expand(f Facts) (string, bool) {
	if f.Behind && t.moves() {
		return "", false
	}
	var b strings.Builder
	for _, p := range t.parts {
		if p.variable == "" {
			b.WriteString(p.literal)
			continue
		}
		value := variables[p.variable](f)
		if value == "" {
			return "", false
		}
		b.WriteString(value)
	}
	tag := Sanitize(b.String())
	return tag, tag != ""
}

// moves tells whether the tag is another image's with each commit.
func (t Template) moves() bool {
	fixed := func(p part) bool { return p.variable != "" && p.variable != "branch" }
	return !slices.ContainsFunc(t.parts, fixed) || slices.Contains(t.parts, part{variable: "branch"})
}

// Tags are the tags of all templates, each once, in order. There is always one:
// when every template needs what is not known, it is the commit's.
func Tags(templates []string, f Facts) ([]string, error) {
	if len(templates) == 0 {
		templates = defaultTags
	}
	var tags []string
	for _, text := range templates {
		t, err := ParseTemplate(text)
		if err != nil {
			return nil, err
		}
		if tag, ok := t.Expand(f); ok && !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	if len(tags) == 0 {
		if f.SHA == "" {
			return nil, errors.New("no tag can be made: neither a commit nor a version is known")
		}
		tags = []string{Short(f.SHA)}
	}
	return tags, nil
}

// Short is the commit as tags name it: seven digits, as git's own short form.
func Short(sha string) string { return sha[:min(7, len(sha))] }

// maxTag is the length of a tag (OCI distribution specification: 128).
const maxTag = 128

// Sanitize makes an OCI tag out of any text: what cannot stand in one becomes a
// dash. A text that is too long is cut and ends in a hash of the whole, so that
// two long branches do not share a tag. It is empty when nothing is left.
func Sanitize(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r < 0x80 && tagByte(byte(r)) {
			b.WriteRune(r)
		} else {
			b.WriteByte('-')
		}
	}
	tag := strings.TrimLeft(b.String(), ".-")
	if len(tag) > maxTag {
		sum := sha256.Sum256([]byte(text))
		tag = tag[:maxTag-9] + "-" + hex.EncodeToString(sum[:4])
	}
	return tag
}

func tagByte(c byte) bool { return alphanumeric(c) || c == '.' || c == '_' || c == '-' }
