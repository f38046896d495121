package conformance

import (
	"fmt"
	"strings"
)

// mutated changes a workflow in one or two places, as people and tools do.
func (g generator) mutated(src string) string {
	lines := strings.Split(strings.TrimRight(src, "\n"), "\n")
	lines = g.mutate(lines)
	if g.chance(20) {
		lines = g.mutate(lines)
	}
	return strings.Join(lines, "\n") + "\n"
}

func (g generator) mutate(lines []string) []string {
	at := g.keyLine(lines)
	line := lines[at]
	indent := line[:len(line)-len(strings.TrimLeft(line, " -"))]
	key, value, _ := strings.Cut(line[len(indent):], ":")
	with := func(text string) []string {
		changed := append([]string(nil), lines...)
		changed[at] = text
		return changed
	}
	switch g.IntN(14) {
	case 0: // delete a line
		return append(append([]string(nil), lines[:at]...), lines[at+1:]...)
	case 1: // repeat a line
		return append(append(append([]string(nil), lines[:at+1]...), blank(indent)+line[len(indent):]), lines[at+1:]...)
	case 2: // a slip in a key
		return with(indent + g.slip(key) + ":" + value)
	case 3: // another key
		return with(indent + g.pick(workflowKeys...) + ":" + value)
	case 4, 5: // another kind of value
		return with(indent + key + ": " + g.pick("", "''", "~", "null", "true", "false", "1", "0", "1.5", "-1", ".inf", "0x1f", "0o17", "yes", "text", "'1'", "\"true\"", "[]", "[a, b]", "[1, true]",
			"{}", "{a: b}", "{a: 1}", "[[a]]", "!!str 1", "!!int '1'", "!!bool true", "!x y", "&x y", "*x", "|", "2020-01-01", "1_000", "1e3", ">-", "@a", "`a`", "%a", "a: b", "- a", "#"))
	case 6: // another indent
		if g.chance(50) && strings.HasPrefix(line, " ") {
			return with(line[1:])
		}
		return with(strings.Repeat(" ", 1+g.IntN(3)) + line)
	case 7, 8: // an expression
		return with(indent + key + ": " + g.placedExpression())
	case 9: // a key more
		more := blank(indent) + g.pick(workflowKeys...) + ": " + g.pick("a", "true", "1", "[a]", "{a: b}", "", "${{ github.ref }}", "x: y")
		return append(append(append([]string(nil), lines[:at+1]...), more), lines[at+1:]...)
	case 10: // a bad id
		id := g.pick("1a", "a b", "a.b", "__a", "-a", "a-", "_", "ä", "A", "a$", "'a'", "''", "a/b", strings.Repeat("a", 99), strings.Repeat("a", 100), "${{ github.ref }}", "1", "true", "null")
		if key == "id" || key == "needs" || key == "uses" {
			return with(indent + key + ": " + id)
		}
		return with(indent + id + ":" + value)
	case 11: // a slip in the text
		return with(g.slip(line))
	case 12: // swap two lines
		other := g.keyLine(lines)
		changed := with(lines[other])
		changed[other] = line
		return changed
	default: // what YAML has
		return with(g.pick("<<: *a", indent+"<<: {a: b}", line+" &a", indent+key+": &a"+value, line+" #", line+"\t", "\t"+line, line+"\r", "---", "...", "? "+line, indent+"\""+key+"\":"+value, indent+"'"+key+"' :"+value, indent+strings.ToUpper(key)+":"+value, line+"\n"+line, "{", "]", indent+key+value, indent+key+" "+value))
	}
}

// keyLine is a line that has a key.
func (g generator) keyLine(lines []string) int {
	for range 50 {
		at := g.IntN(len(lines))
		text := strings.TrimSpace(lines[at])
		if strings.Contains(text, ":") && !strings.HasPrefix(text, "#") {
			return at
		}
	}
	return g.IntN(len(lines))
}

func blank(indent string) string { return strings.Repeat(" ", len(indent)) }

// slip is a typing error in a word.
func (g generator) slip(text string) string {
	if len(text) < 2 {
		return text + "x"
	}
	at := g.IntN(len(text) - 1)
	switch g.IntN(4) {
	case 0:
		return text[:at] + text[at+1:]
	case 1:
		return text[:at] + text[at:at+1] + text[at:]
	case 2:
		return text[:at] + string(text[at+1]) + string(text[at]) + text[at+2:]
	default:
		return text[:at] + string(rune('a'+g.IntN(26))) + text[at+1:]
	}
}

// placedExpression is an expression that may or may not be allowed where it stands.
func (g generator) placedExpression() string {
	what := g.pick("github.ref", "env.A", "secrets.A", "matrix.a", "needs.a.outputs.b", "inputs.a", "vars.A", "steps.a.outputs.b", "job.status", "jobs.a", "runner.os", "strategy.job-index",
		"github.event.a['b'].*.c", "hashFiles('a')", "success()", "always()", "failure('a')", "cancelled()", "toJSON(github)", "fromJSON('[1]')", "fromJSON(needs.a.outputs.b)", "nothing.a", "nofunc()", "'text'", "1", "true", "null",
		"github.ref ==", "(github.ref", "\"a\"", "contains(github.ref)", "format('{0}', github.ref)", "", "insert", "github.ref || ", "case(true, 1, 2)", "github[")
	return fmt.Sprintf(g.pick("${{ %s }}", "${{ %s }}", "${{ %s }}", "${{%s}}", "a ${{ %s }} b", "'${{ %s }}'", "\"${{ %s }}\"", "%s", "${{ %s", "[\"${{ %s }}\"]", "a-${{ %s }}-${{ github.sha }}", "|\n            ${{ %s }}"), what)
}

var workflowKeys = []string{
	"name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs", "needs", "if", "runs-on", "strategy", "matrix", "steps", "uses", "run", "with", "id",
	"shell", "working-directory", "continue-on-error", "timeout-minutes", "container", "services", "outputs", "environment", "secrets", "include", "exclude", "fail-fast", "max-parallel",
	"group", "labels", "cancel-in-progress", "image", "ports", "options", "credentials", "push", "pull_request", "schedule", "cron", "workflow_dispatch", "workflow_call", "inputs", "type", "required",
	"default", "description", "branches", "tags", "paths", "types", "contents", "id-token", "url", "queue", "snapshot", "background", "wait", "wait-all", "cancel", "parallel", "timezone", "cancel-timeout-minutes",
}
