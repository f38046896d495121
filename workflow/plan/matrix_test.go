package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/expr"
)

func TestCombinations(t *testing.T) {
	for _, test := range []struct{ name, matrix, want string }{
		{"the first key varies slowest", `{"a":[1,2],"b":["x","y"]}`, `
			j (1, x) {"a":1,"b":"x"}
			j (1, y) {"a":1,"b":"y"}
			j (2, x) {"a":2,"b":"x"}
			j (2, y) {"a":2,"b":"y"}`},
		// The example of GitHub's documentation.
		{"include extends and adds", `{"fruit":["apple","pear"],"animal":["cat","dog"],"include":[
			{"color":"green"},{"color":"pink","animal":"cat"},{"fruit":"apple","shape":"circle"},
			{"fruit":"banana"},{"fruit":"banana","animal":"cat"}]}`, `
			j (apple, cat) {"fruit":"apple","animal":"cat","color":"pink","shape":"circle"}
			j (apple, dog) {"fruit":"apple","animal":"dog","color":"green","shape":"circle"}
			j (pear, cat) {"fruit":"pear","animal":"cat","color":"pink"}
			j (pear, dog) {"fruit":"pear","animal":"dog","color":"green"}
			j (banana) {"fruit":"banana"}
			j (banana, cat) {"fruit":"banana","animal":"cat"}`},
		{"include alone", `{"include":[{"a":1,"b":{"c":"x","d":[true,""]}},{"z":null}]}`, `
			j (1, x, true) {"a":1,"b":{"c":"x","d":[true,""]}}
			j {"z":null}`},
		{"exclude compares leaves like ==", `{"a":["12","B"],"o":[{"x":1,"y":2},{"x":2}],"exclude":[{"a":12,"o":{"x":"1"}},{"a":"b","o":{"y":null}}]}`, `
			j (12, 2) {"a":"12","o":{"x":2}}
			j (B, 1, 2) {"a":"B","o":{"x":1,"y":2}}`},
		{"an include whose only match is excluded stands alone", `{"a":[1,2],"exclude":[{"a":2}],"include":[{"a":2,"more":true}]}`, `
			j (1) {"a":1}
			j (2, true) {"a":2,"more":true}`},
		{"keys ignore case", `{"OS":["x"],"include":[{"os":"x","v":1}],"exclude":[{"Os":"y"}]}`, `
			j (x) {"OS":"x","v":1}`},
		{"filter keys first, then extras", `{"a":[1],"include":[{"z":9,"a":2}]}`, `
			j (1) {"a":1}
			j (2, 9) {"a":2,"z":9}`},
		{"arrays are compared item by item", `{"a":[[1,2],[1,3]],"exclude":[{"a":[1,3]}]}`, `
			j (1, 2) {"a":[1,2]}`},
		{"all excluded", `{"a":[1],"exclude":[{"a":1}]}`, ``},
		{"long names are cut", `{"a":["` + strings.Repeat("ü", 120) + `"]}`, `
			j (` + strings.Repeat("ü", 94) + `... {"a":"` + strings.Repeat("ü", 120) + `"}`},

		{"empty vector", `{"a":[],"b":[1]}`, `error: matrix vector 'a' does not contain any values`},
		{"nothing", `{}`, `error: a matrix must have at least one vector, or include`},
		{"only exclude", `{"exclude":[]}`, `error: a matrix must have at least one vector, or include`},
		{"no sequence", `{"a":"x"}`, `error: matrix key 'a' must be a sequence, not 'x'`},
		{"no mapping", `[1]`, `error: a matrix must be a mapping, not a sequence`},
		{"unknown exclude", `{"a":[1],"exclude":[{"b":1}]}`, `error: matrix exclude key 'b' is no key of the matrix`},
		{"empty exclude", `{"a":[1],"exclude":[{}]}`, `error: matrix exclude entry 1 must be a mapping with values, not an empty mapping`},
		{"empty include", `{"a":[1],"include":[{"a":1},{}]}`, `error: matrix include entry 2 must be a mapping with values, not an empty mapping`},
		{"too many", `{"a":[` + strings.Repeat("1,", 16) + `1],"b":[` + strings.Repeat("1,", 16) + `1]}`, `error: the matrix has 289 combinations, more than the 256 that are allowed`},
		{"far too many", `{"a":[` + strings.Repeat("1,", 999) + `1],"b":[` + strings.Repeat("1,", 999) + `1],"c":[1,2]}`, `error: the matrix has more than 65536 combinations before exclude`},
	} {
		t.Run(test.name, func(t *testing.T) {
			matrix, err := expr.DecodeJSON([]byte(test.matrix))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			legs, err := combinations(matrix)
			for _, leg := range legs {
				got = append(got, suffixedName("j", leg.shown)+" "+leg.matrix.JSON(false))
			}
			if err != nil {
				got = append(got, "error: "+err.Error())
			}
			var want []string
			for line := range strings.Lines(test.want) {
				if line = strings.TrimSpace(line); line != "" {
					want = append(want, line)
				}
			}
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("want\n%s\ngot\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"))
			}
		})
	}
}

func TestStrategyContext(t *testing.T) {
	number := func(f float64) *workflow.Node {
		return &workflow.Node{Kind: workflow.Number, Text: fmt.Sprint(f), Number: f}
	}
	vector := func(n int) *workflow.Node {
		v := &workflow.Node{Kind: workflow.Sequence}
		for i := range n {
			v.Items = append(v.Items, number(float64(i)))
		}
		return &workflow.Node{Kind: workflow.Mapping, Entries: []workflow.Entry{{Key: workflow.Str("a"), Value: v}}}
	}
	for _, test := range []struct {
		name     string
		strategy *workflow.Strategy
		want     string
	}{
		{"none", nil, `{"fail-fast":true,"job-index":0,"job-total":1,"max-parallel":1}`},
		{"matrix", &workflow.Strategy{Matrix: vector(3)}, `{"fail-fast":true,"job-index":0,"job-total":3,"max-parallel":3}`},
		{"limits", &workflow.Strategy{Matrix: vector(3), MaxParallel: number(2), FailFast: &workflow.Node{Kind: workflow.Bool}},
			`{"fail-fast":false,"job-index":0,"job-total":3,"max-parallel":2}`},
		{"zero is no limit", &workflow.Strategy{Matrix: vector(3), MaxParallel: number(0)}, `{"fail-fast":true,"job-index":0,"job-total":3,"max-parallel":3}`},
		{"text is no flag", &workflow.Strategy{FailFast: workflow.Str("true")}, `fail-fast: it must be true or false, not 'true'`},
		{"text is no number", &workflow.Strategy{MaxParallel: workflow.Str("2")}, `max-parallel: it must be a number, not '2'`},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := evaluateStrategy(test.strategy, expr.Scope{})
			got := s.context(0).JSON(false)
			if err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("want %s, got %s", test.want, got)
			}
		})
	}
}
