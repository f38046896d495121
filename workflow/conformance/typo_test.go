package conformance

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow"
)

var keyPattern = regexp.MustCompile(`^(\s*(?:- )?)([a-z][a-z-]{2,}):(\s|$)`)

// TestTypos makes one typing error in a key or a context of each of 200 real
// workflows: there must be one diagnostic, at the error.
func TestTypos(t *testing.T) {
	files := realWorkflows(t)
	g := generator{rand.New(rand.NewPCG(seed(t), 3))}
	right, total := 0, 0
	for total < 200 {
		f := files[g.IntN(len(files))]
		before, clean := workflow.Parse(f.name, f.src)
		if before == nil || len(clean) > 0 {
			continue
		}
		text, pos, what := g.typo(string(f.src))
		if what == "" {
			continue
		}
		total++
		_, found := workflow.Parse(f.name, []byte(text))
		switch {
		case len(found) == 1 && found[0].Pos.Line == pos.Line && (found[0].Pos.Column == pos.Column || pos.Column == 0):
			right++
		case len(found) == 0:
			t.Errorf("%s:%d: nothing is said of %s", f.name, pos.Line, what)
		default:
			t.Logf("%s:%d:%d: %s gives %v", f.name, pos.Line, pos.Column, what, found)
		}
	}
	score(t, "typing errors", fmt.Sprintf("%d of %d have one diagnostic, at the error", right, total))
	if right*100 < total*95 {
		t.Errorf("only %d of %d typing errors have one diagnostic at their place", right, total)
	}
}

// known are the words whose misspelling is an error wherever they are keys.
var typoKeys = map[string]bool{
	"jobs": true, "steps": true, "runs-on": true, "uses": true, "run": true, "strategy": true, "matrix": true, "needs": true, "permissions": true, "concurrency": true,
	"timeout-minutes": true, "continue-on-error": true, "fail-fast": true, "branches": true, "workflow_dispatch": true, "pull_request": true, "push": true, "schedule": true,
	"cron": true, "with": true, "env": true, "defaults": true, "shell": true, "working-directory": true, "contents": true, "container": true, "services": true, "outputs": true, "paths": true,
}

var contextPattern = regexp.MustCompile(`\$\{\{ *(github|matrix|secrets|steps|needs|inputs|env|runner)\.`)

// typo gives the changed text and where the error is; a column of 0 is
// unknown. It gives no word when it finds no place.
func (g generator) typo(src string) (text string, pos workflow.Pos, what string) {
	lines := strings.Split(src, "\n")
	tree, _ := workflow.ParseNode("f.yml", []byte(src))
	keys := map[workflow.Pos]bool{}
	typedKeys(tree, "", keys)
	for range 100 {
		at := g.IntN(len(lines))
		if at2 := contextPattern.FindStringSubmatchIndex(lines[at]); at2 != nil && g.chance(15) && !strings.Contains(lines[at], "#") && keyPattern.MatchString(lines[at]) && !strings.Contains(lines[at], "|") {
			word := lines[at][at2[2]:at2[3]]
			slip := g.slip(word)
			if contexts[slip] {
				continue
			}
			lines[at] = lines[at][:at2[2]] + slip + lines[at][at2[3]:]
			return strings.Join(lines, "\n"), workflow.Pos{Line: at + 1}, fmt.Sprintf("%q for %q", slip, word)
		}
		m := keyPattern.FindStringSubmatch(lines[at])
		if m == nil || !typoKeys[m[2]] {
			continue
		}
		place := workflow.Pos{Line: at + 1, Column: 1 + len(m[1])}
		slip := g.slip(m[2])
		if !keys[place] || typoKeys[slip] || slip == m[2] {
			continue
		}
		lines[at] = m[1] + slip + lines[at][len(m[1])+len(m[2]):]
		return strings.Join(lines, "\n"), place, fmt.Sprintf("%q for %q", slip, m[2])
	}
	return "", workflow.Pos{}, ""
}

var contexts = map[string]bool{"github": true, "matrix": true, "secrets": true, "steps": true, "needs": true, "inputs": true, "env": true, "runner": true, "vars": true, "job": true, "strategy": true}

// typedKeys collects the places of keys that the language names: not those
// that people choose, as of env, with, matrix, jobs and outputs.
func typedKeys(n *workflow.Node, parent string, keys map[workflow.Pos]bool) {
	free := map[string]bool{"env": true, "with": true, "jobs": true, "matrix": true, "outputs": true, "inputs": true, "secrets": true, "services": true, "include": true, "exclude": true}
	if n == nil || parent == "matrix" || parent == "include" {
		return
	}
	for _, item := range n.Items {
		typedKeys(item, parent, keys)
	}
	for _, e := range n.Entries {
		if !free[parent] {
			keys[e.Key.Pos] = true
		}
		next := e.Key.Text
		if free[parent] {
			next = "" // what a chosen key holds is the language's again
			if parent == "env" || parent == "with" || parent == "outputs" {
				continue
			}
		}
		typedKeys(e.Value, next, keys)
	}
}
