package cli

import (
	"errors"
	"strings"
	"testing"
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

func TestTypedAgain(t *testing.T) {
	for _, tc := range []struct {
		typed []string
		want  string
	}{
		{[]string{"pull_request", "-j", "a", "-W", "x.yml", "-q", "--json"}, ""},
		{[]string{"-Pubuntu-latest=host", "--offline", "--pull=always"}, "-P ubuntu-latest=host --offline -p"},
		{[]string{"-s", "TOKEN=hidden", "--secret=OTHER"}, "-s TOKEN -s OTHER"},
		{[]string{"--env", "A=it's b", "--pull=never"}, `--env 'A=it'\''s b' --pull=never`},
		{[]string{"--matrix", "n:2", "--no-such-flag"}, ""},
	} {
		a := &app{typed: tc.typed}
		if got := strings.Join(a.typedAgain(), " "); got != tc.want {
			t.Errorf("%q: got %q, want %q", tc.typed, got, tc.want)
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
