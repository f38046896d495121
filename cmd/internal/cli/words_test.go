package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/workflow/event"
	"github.com/drydock-ci/drydock/workflow/expr"
	"github.com/drydock-ci/drydock/workflow/plan"
)

func TestCommandAt(t *testing.T) {
	for args, want := range map[string]int{
		"run -j a":                0,
		"-C run run":              2,
		"--directory=x run":       1,
		"--offline -P a=b run -q": 3,
		"-Pa=b run":               1,
		"-Cx run":                 1,
		"--pull run":              1,
		"--help":                  -1,
		"":                        -1,
	} {
		if got := commandAt(tree(), strings.Fields(args)); got != want {
			t.Errorf("%q: got %d, want %d", args, got, want)
		}
	}
}

func TestDirectoryFlag(t *testing.T) {
	for args, want := range map[string]string{
		"run": "", "run -C x": "x", "-Cx run": "x", "run --directory=x": "x", "run --directory x": "x", "run -C": "", "run -- -C x": "",
	} {
		if got := directoryFlag(strings.Fields(args)); got != want {
			t.Errorf("%q: got %q, want %q", args, got, want)
		}
	}
}

func TestComplaint(t *testing.T) {
	for in, want := range map[string]string{
		"unknown command \"runn\" for \"drydock\"\n\nDid you mean this?\n\trun\n\n": `unknown command "runn" for "drydock" (did you mean "run"?): see "drydock --help"`,
		`unknown command "push" for "drydock"`:                                      `unknown command "push" for "drydock" (for an event: drydock run push): see "drydock --help"`,
		"accepts at most 1 arg(s), received 2":                                      "wrong number of arguments: accepts at most 1 arg(s), received 2: see --help",
		"anything else\n":                                                           "anything else",
	} {
		if got := complaint(errors.New(in)).Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	known := []string{"build", "test", "lint"}
	for given, want := range map[string]string{"tset": " (did you mean test?)", "BUILD": " (did you mean build?)", "deploy": ""} {
		if got := didYouMean(given, known); got != want {
			t.Errorf("%q: got %q, want %q", given, got, want)
		}
	}
}

func TestFlagWords(t *testing.T) {
	for _, tc := range []struct {
		typed []string
		want  string
	}{
		{[]string{"pull_request", "-j", "a", "-W", "x.yml", "-q", "--json"}, ""},
		{[]string{"-Pubuntu-latest=host", "--offline", "--pull=always"}, "-P ubuntu-latest=host --offline -p"},
		{[]string{"-s", "TOKEN=hidden", "--secret=OTHER"}, "-s TOKEN -s OTHER"},
		{[]string{"--env", "A=it's b", "--pull=never"}, `--env A=it's b --pull=never`},
		{[]string{"--matrix", "n:2", "--no-such-flag"}, ""},
	} {
		if got := strings.Join(flagWords(tc.typed, func(name, _ string) bool { return notAgain[name] }), " "); got != tc.want {
			t.Errorf("%q: got %q, want %q", tc.typed, got, tc.want)
		}
	}
}

// TestRerunCommand: the leg of a matrix is named by its values, whatever was
// typed to choose legs.
func TestRerunCommand(t *testing.T) {
	s := &session{event: &occurrence{filtered: event.Event{Name: "push"}}, files: []file{{path: "ci.yml"}}}
	a := &app{typed: []string{"--matrix", "OS:linux", "--matrix", "other:x", "--env=A=it's b"}}
	matrix := expr.NewObject(false).Set("os", expr.String("linux")).Set("n", expr.Number(2)).Set("list", expr.NewObject(false).Value()).Value()
	for _, tc := range []struct {
		job    plan.LegID
		matrix expr.Value
		want   string
	}{
		{"test/1", matrix, `drydock run push -W ci.yml -j test --matrix os:linux --matrix n:2 --matrix other:x --env 'A=it'\''s b'`},
		{"build", expr.Value{}, `drydock run push -W ci.yml -j build --matrix OS:linux --matrix other:x --env 'A=it'\''s b'`},
	} {
		if got := a.rerunCommand(s, 0, tc.job, tc.matrix); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.job, got, tc.want)
		}
	}
}

func TestCheckJSON(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:            "",
		"\xef\xbb\xbf1": "",
		`{"a": b}`:      "1:7: ",
		"{\n \"a\":\n}": "3:1: ",
		"":              "1:1: ",
		"{":             "1:1: ",
	} {
		err := checkJSON([]byte(text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}
