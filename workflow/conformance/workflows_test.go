package conformance

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow"
)

// TestWorkflowsAgainstGitHub compares verdict, kind of error and the template
// of mutated workflows with GitHub's parser.
func TestWorkflowsAgainstGitHub(t *testing.T) {
	count := 300
	if full() {
		count = 2_000
	}
	var bases []string
	for _, f := range realWorkflows(t) {
		bases = append(bases, string(f.src))
	}
	for _, c := range jsonLines[parserCase](t, shared(t, "workflow-parser/cases.jsonl")) {
		bases = append(bases, c.Files[c.Main])
	}
	o := startOracle(t)
	g := generator{rand.New(rand.NewPCG(seed(t), 2))}
	var questions []any
	var texts []string
	for range count {
		text := g.mutated(bases[g.IntN(len(bases))])
		texts = append(texts, text)
		questions = append(questions, workflowQuestion{Workflow: text})
	}
	table := newTally("mutated workflows")
	o.answers(t, questions, func(i int, a answer) {
		ours, theirs := read(texts[i]), reading{errors: a.Errors}
		if len(a.Errors) == 0 {
			if err := json.Unmarshal([]byte(a.Jobs), &theirs.jobs); err != nil {
				t.Fatal(err)
			}
		}
		class, why := agree(ours, theirs)
		if class != "" {
			table.same(class)
			return
		}
		if name := knownWorkflow(texts[i], ours, theirs); name != "" {
			table.known(name)
			return
		}
		table.unknown(t, fmt.Sprintf("workflow %d: %s\n  ours   %s\n  GitHub %s\n%s", i, why, strings.Join(ours.errors, "\n         "), strings.Join(theirs.errors, "\n         "), around(texts[i], append(theirs.errors, ours.errors...))))
	})
	table.print(t, seed(t), knownWorkflowReasons())
}

// reading is what became of a file.
type reading struct {
	errors   []string // as GitHub prints them
	warnings []string
	jobs     any
}

func read(text string) reading {
	c := parserCase{Main: "f.yml", Files: map[string]string{"f.yml": text}}
	w, found := workflow.Parse("f.yml", []byte(text))
	r := reading{errors: messagesOf(found, workflow.Error), warnings: messagesOf(found, workflow.Warning)}
	if !found.HasErrors() {
		r.jobs = c.template(w, nil).(map[string]any)["jobs"]
	}
	return r
}

// agree names the way in which two readings agree, or says in what they differ.
func agree(ours, theirs reading) (class, why string) {
	switch {
	case len(ours.errors) == 0 && len(theirs.errors) == 0:
		if at := differs("jobs", ours.jobs, theirs.jobs); at != "" {
			return "", at
		}
		return "valid, same template", ""
	case len(ours.errors) == 0:
		return "", "only GitHub refuses it"
	case len(theirs.errors) == 0:
		return "", "only we refuse it"
	case ours.errors[0] == theirs.errors[0]:
		return "invalid, same first message and place", ""
	}
	for _, a := range ours.errors {
		for _, b := range theirs.errors {
			if a == b {
				return "invalid, a message and place in common", ""
			}
		}
	}
	for _, a := range ours.errors {
		for _, b := range theirs.errors {
			if kind := kindOf(a); kind == kindOf(b) {
				if kind == "yaml" {
					return "invalid, both cannot read the YAML", ""
				}
				return "invalid, same kind of error elsewhere", ""
			}
		}
	}
	return "", "other kinds of errors"
}

var (
	quotedPattern = regexp.MustCompile(`'[^']*'|"[^"]*"|\d+`)
	prefixPattern = regexp.MustCompile(`^f\.yml(: | \(Line: \d+, Col: \d+\): )`)
)

// kindOf is a message without its place, its values and what follows them.
func kindOf(message string) string {
	message = prefixPattern.ReplaceAllString(message, "")
	message, _, _ = strings.Cut(message, "Located at")
	if !strings.HasPrefix(message, "Unexpected value") && (strings.Contains(message, "YAML") || knownKind(message) == "") {
		return "yaml"
	}
	return quotedPattern.ReplaceAllString(knownKind(message), "")
}

// knownKind is the start of a message that GitHub's parser makes itself; what
// comes from its YAML library has none.
func knownKind(message string) string {
	for _, kind := range []string{
		"Unexpected value", "Required property is missing", "A sequence was not expected", "A mapping was not expected",
		"There's not enough info", "Unrecognized named-value", "Unrecognized function", "Unexpected symbol", "Unexpected end of expression",
		"Too few parameters", "Too many parameters", "Even number of parameters", "An expression was expected", "The expression is not closed", "A template expression is not allowed",
		"The directive", "Exactly 0 parameter", "The identifier", "The workflow must contain", "Job '", "Invalid cron", "Expected format", "Container image",
		"Invalid workflow reference", "Invalid runs-on group", "Step references", "Step '", "The value of 'wait-all'", "Nested 'parallel'", "Concurrency group name", "Unexpected tag", "The scalar style", "The value '",
	} {
		if strings.HasPrefix(message, kind) {
			return kind
		}
	}
	if strings.HasSuffix(message, "is already defined") {
		return "already defined"
	}
	if strings.Contains(message, "is not allowed inside a parallel block") {
		return "in parallel"
	}
	return ""
}

// differs finds a value that GitHub prints and we print otherwise.
func differs(at string, ours, theirs any) string {
	switch theirs := theirs.(type) {
	case map[string]any:
		o, ok := ours.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s: %s, GitHub %s", at, jsonText(ours), jsonText(theirs))
		}
		for _, key := range sortedKeys(theirs) {
			if d := differs(at+"."+key, o[key], theirs[key]); d != "" {
				return d
			}
		}
		return ""
	case []any:
		o, ok := ours.([]any)
		if !ok || len(o) != len(theirs) {
			return fmt.Sprintf("%s: %s, GitHub %s", at, jsonText(ours), jsonText(theirs))
		}
		for i := range theirs {
			if d := differs(fmt.Sprintf("%s[%d]", at, i), o[i], theirs[i]); d != "" {
				return d
			}
		}
		return ""
	default:
		if jsonText(ours) != jsonText(theirs) && !sameBlock(ours, theirs) {
			return fmt.Sprintf("%s: %s, GitHub %s", at, jsonText(ours), jsonText(theirs))
		}
		return ""
	}
}

// sameBlock tells whether two texts differ only as GitHub's TypeScript differs
// from its server: of a block of text with an expression it keeps the source
// with its indent, for editors, where YAML removes the indent and folds.
func sameBlock(ours, theirs any) bool {
	a, isText := ours.(string)
	b, both := theirs.(string)
	return isText && both && strings.Contains(b, "format('") && bare(a) == bare(b)
}

// bare is an expression without white space and without the format() that
// white space alone brings.
func bare(text string) string {
	text = strings.Join(strings.Fields(strings.ReplaceAll(text, `\n`, " ")), "")
	return wholeFormat.ReplaceAllString(text, "$1")
}

var wholeFormat = regexp.MustCompile(`format\('\{0\}',(.*)\)`)

// around shows the lines about the first error.
func around(text string, errors []string) string {
	line := 1
	if len(errors) > 0 {
		if at := linePattern.FindStringSubmatch(errors[0]); at != nil {
			line, _ = strconv.Atoi(at[1])
		}
	}
	lines := strings.Split(text, "\n")
	var b strings.Builder
	for i := max(1, line-6); i <= min(len(lines), line+3); i++ {
		fmt.Fprintf(&b, "  %4d| %s\n", i, lines[i-1])
	}
	return b.String()
}

var linePattern = regexp.MustCompile(`[Ll]ine:? (\d+)`)
