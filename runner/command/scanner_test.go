package command

import (
	"reflect"
	"strings"
	"testing"
)

func TestLine(t *testing.T) {
	unsecure := Options{AllowUnsecure: true}
	tests := []struct {
		name    string
		options Options
		line    string
		want    Outcome // without Err, Warning and Debug
		err     string  // part of Err
		warning string  // part of Warning
	}{
		{name: "plain", line: "hello", want: Outcome{Echo: "hello", Show: true}},
		{name: "empty", line: "", want: Outcome{Show: true}},
		{name: "unknown command", line: "::nothing::x", want: Outcome{Echo: "::nothing::x", Show: true}},
		{name: "start marker", line: "x ##[start-action display=a]", want: Outcome{Echo: `x ##[\start-action display=a]`, Show: true}},
		{name: "end marker", line: "##[end-action id=a]", want: Outcome{Echo: `##[\end-action id=a]`, Show: true}},

		{name: "set-env is off", line: "::set-env name=A::b", want: Outcome{Level: LevelCommand}, err: "ACTIONS_ALLOW_UNSECURE_COMMANDS"},
		{name: "set-env says what to use", line: "::set-env name=A::b", want: Outcome{Level: LevelCommand}, err: "$GITHUB_ENV"},
		{name: "set-env v1 is off", line: "x ##[set-env name=A]b", want: Outcome{Level: LevelCommand}, err: "disabled"},
		{name: "add-path is off", line: "::add-path::/x", want: Outcome{Level: LevelCommand}, err: "$GITHUB_PATH"},
		{name: "set-env", options: unsecure, line: "::set-env name=A::b", want: Outcome{Level: LevelCommand, Effect: SetEnv{"A", "b"}}},
		{name: "set-env without name", options: unsecure, line: "::set-env::b", want: Outcome{Level: LevelCommand}, err: `"name" is missing`},
		{name: "add-path", options: unsecure, line: "::add-path::/x", want: Outcome{Level: LevelCommand, Effect: AddPath{"/x"}}},
		{name: "add-path empty", options: unsecure, line: "::add-path::", want: Outcome{Level: LevelCommand}, err: "empty"},

		{name: "set-output", line: "::set-output name=a::100%250Aend", want: Outcome{Level: LevelCommand, Effect: SetOutput{"a", "100%0Aend"}, Deprecated: true}, warning: "$GITHUB_OUTPUT"},
		{name: "set-output indented", line: "  ::set-output name=a::b", want: Outcome{Level: LevelCommand, Effect: SetOutput{"a", "b"}, Deprecated: true}, warning: "deprecated"},
		{name: "set-output empty value", line: "::set-output name=a::", want: Outcome{Level: LevelCommand, Effect: SetOutput{"a", ""}, Deprecated: true}, warning: "deprecated"},
		{name: "set-output without name", line: "::set-output::b", want: Outcome{Level: LevelCommand, Deprecated: true}, err: `"name" is missing`, warning: "deprecated"},
		{name: "save-state", line: "::save-state name=a::b", want: Outcome{Level: LevelCommand, Effect: SaveState{"a", "b"}, Deprecated: true}, warning: "$GITHUB_STATE"},
		{name: "save-state without name", line: "::save-state::b", want: Outcome{Level: LevelCommand, Deprecated: true}, err: `"name"`, warning: "deprecated"},

		{name: "add-mask", line: "::add-mask::s3cret", want: Outcome{Level: LevelCommand, Effect: AddMask{"s3cret"}}},
		{name: "add-mask several lines", line: "::add-mask::one%0Atwo", want: Outcome{Level: LevelCommand, Effect: AddMask{"one\ntwo"}}},
		{name: "add-mask blank", line: "::add-mask:: ", want: Outcome{Level: LevelCommand}, warning: "empty"},
		{name: "add-mask is never echoed", options: Options{Debug: true}, line: "::add-mask::s3cret", want: Outcome{Level: LevelCommand, Command: "::add-mask::***", Effect: AddMask{"s3cret"}}},

		{name: "debug", line: "::debug::m", want: Outcome{Level: LevelDebug, Echo: "m"}},
		{name: "debug shown", options: Options{Debug: true}, line: "::debug::m", want: Outcome{Level: LevelDebug, Echo: "m", Show: true}},
		{name: "group", line: "::group::Title", want: Outcome{Level: LevelGroup, Echo: "Title", Show: true}},
		{name: "group v1", line: "##[group]Title", want: Outcome{Level: LevelGroup, Echo: "Title", Show: true}},
		{name: "endgroup drops data", line: "::endgroup::x", want: Outcome{Level: LevelEndGroup, Show: true}},
		{name: "group echoed", options: Options{Debug: true}, line: "::group::T", want: Outcome{Level: LevelGroup, Command: "::group::T", Echo: "T", Show: true}},

		{name: "error", line: "::error::m", want: Outcome{Level: LevelError, Echo: "m", Show: true, Annotation: &Annotation{Level: LevelError, Message: "m"}}},
		{name: "warning", line: "::WARNING title=T::m", want: Outcome{Level: LevelWarning, Echo: "m", Show: true, Annotation: &Annotation{Level: LevelWarning, Message: "m", Title: "T"}}},
		{name: "notice", line: "##[notice]m", want: Outcome{Level: LevelNotice, Echo: "m", Show: true, Annotation: &Annotation{Level: LevelNotice, Message: "m"}}},
		{name: "error is not echoed", options: Options{Debug: true}, line: "::error::m", want: Outcome{Level: LevelError, Echo: "m", Show: true, Annotation: &Annotation{Level: LevelError, Message: "m"}}},
		{name: "file made relative", options: Options{RelativePath: func(f string) string { return strings.TrimPrefix(f, "/w/") }},
			line: "::error file=/w/a.go,line=3::m", want: Outcome{Level: LevelError, Echo: "m", Show: true, Annotation: &Annotation{Level: LevelError, Message: "m", File: "a.go", Line: 3}}},

		{name: "echo wrong", line: "::echo::maybe", want: Outcome{Level: LevelCommand}, err: `"on" or "off"`},
		{name: "echo empty", line: "::echo::", want: Outcome{Level: LevelCommand}, err: "invalid value"},
		{name: "failing command echoed", options: Options{Debug: true}, line: "::echo::maybe", want: Outcome{Level: LevelCommand, Command: "::echo::maybe"}, err: "invalid value"},

		{name: "add-matcher", line: "::add-matcher::.github/m.json", want: Outcome{Level: LevelCommand, Effect: AddMatcher{".github/m.json"}}},
		{name: "add-matcher empty", line: "::add-matcher::", want: Outcome{Level: LevelCommand}, warning: "file path"},
		{name: "remove-matcher owner", line: "::remove-matcher owner=x::", want: Outcome{Level: LevelCommand, Effect: RemoveMatcher{Owner: "x"}}},
		{name: "remove-matcher file", line: "::remove-matcher::m.json", want: Outcome{Level: LevelCommand, Effect: RemoveMatcher{File: "m.json"}}},
		{name: "remove-matcher both", line: "::remove-matcher owner=x::m.json", want: Outcome{Level: LevelCommand}, warning: "not both"},
		{name: "remove-matcher none", line: "::remove-matcher::", want: Outcome{Level: LevelCommand}, warning: "must be specified"},

		{name: "repo path is internal", line: "::internal-set-repo-path repoFullName=o/r,workspaceRepo=true::/w", want: Outcome{Echo: "::internal-set-repo-path repoFullName=o/r,workspaceRepo=true::/w", Show: true}},
		{name: "repo path", options: Options{AllowRepoPath: true}, line: "::internal-set-repo-path repoFullName=o/r,workspaceRepo=True::/w",
			want: Outcome{Level: LevelCommand, Effect: RepoPath{Repository: "o/r", Path: "/w", WorkspaceRepo: true}}},
		{name: "repo path incomplete", options: Options{AllowRepoPath: true}, line: "::internal-set-repo-path repoFullName=o/r::/w", want: Outcome{Level: LevelCommand}, err: "workspaceRepo"},
		{name: "repo path without repository", options: Options{AllowRepoPath: true}, line: "::internal-set-repo-path::/w", want: Outcome{Level: LevelCommand}, err: "repoFullName"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := NewScanner(tt.options).Line(tt.line)
			if (got.Err != nil) != (tt.err != "") || got.Err != nil && !strings.Contains(got.Err.Error(), tt.err) {
				t.Errorf("Err = %v, want %q", got.Err, tt.err)
			}
			if (got.Warning != "") != (tt.warning != "") || !strings.Contains(got.Warning, tt.warning) {
				t.Errorf("Warning = %q, want %q", got.Warning, tt.warning)
			}
			got.Err, got.Warning, got.Debug = nil, "", nil
			if !reflect.DeepEqual(got, tt.want) { //nolint:govet // Err is nil on both sides
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestBlockedVariable(t *testing.T) {
	for _, name := range []string{"NODE_OPTIONS", "node_options"} {
		got := NewScanner(Options{AllowUnsecure: true}).Line("::set-env name=" + name + "::--require=x")
		if got.Effect != nil || got.Err != nil || got.Level != LevelError || !got.Show || !strings.Contains(got.Echo, name) {
			t.Errorf("%+v: want an error line, no effect, and a step that goes on", got)
		}
		if got.Annotation == nil || got.Annotation.Level != LevelError || got.Annotation.Message != got.Echo {
			t.Errorf("annotation %+v", got.Annotation)
		}
	}
}

func TestEcho(t *testing.T) {
	s := NewScanner(Options{})
	steps := []struct{ line, command string }{
		{"::group::a", ""},
		{"::echo::on", ""}, // it was off before
		{"::group::a", "::group::a"},
		{"::save-state name=a::b", "::save-state name=a::b"},
		{"::warning::w", ""},
		{"::debug::w", ""},
		{"::add-mask::w", "::add-mask::***"},
		{"plain", ""},
		{"::echo:: OFF ", "::echo:: OFF "},
		{"::group::a", ""},
	}
	for _, step := range steps {
		if got := s.Line(step.line); got.Command != step.command {
			t.Errorf("%q: echoed %q, want %q", step.line, got.Command, step.command)
		}
	}
}

func TestStopCommands(t *testing.T) {
	s := NewScanner(Options{})
	stop := s.Line("::stop-commands::Random-Token")
	if !stop.Consumed() || !stop.Show || stop.Echo != "::stop-commands::Random-Token" || stop.Effect != (AddMask{"Random-Token"}) {
		t.Fatalf("stop: %+v", stop)
	}
	for _, line := range []string{"::error::x", "##[add-mask]x", "::stop-commands::other", "::other::", "::set-output name=a::b", "Random-Token", "x ::random-token::"} {
		if got := s.Line(line); got.Consumed() || !got.Show || got.Echo != line || got.Effect != nil {
			t.Errorf("stopped, %q: %+v", line, got)
		}
	}
	if got := s.Line("::random-token::"); !got.Consumed() || !got.Show || got.Echo != "::random-token::" {
		t.Errorf("resume: %+v", got)
	}
	if got := s.Line("::error::x"); got.Annotation == nil {
		t.Errorf("after the resume: %+v", got)
	}
	if got := s.Line("::random-token::"); got.Consumed() {
		t.Errorf("the token is no command any more: %+v", got)
	}
}

func TestStopCommandsResumeV1(t *testing.T) {
	s := NewScanner(Options{})
	s.Line("##[stop-commands]token1")
	if got := s.Line("x ##[token1]"); !got.Consumed() {
		t.Errorf("resume: %+v", got)
	}
}

func TestStopTokens(t *testing.T) {
	tests := []struct {
		token  string
		ok     bool
		masked bool
	}{
		{"", false, false},
		{"pause-logging", false, false},
		{"Pause-Logging", false, false},
		{"warning", false, false},
		{"Set-Output", false, false},
		{"stop-commands", false, false},
		{"abcdef", true, false},
		{"abcdefg", true, true},
	}
	for _, tt := range tests {
		s := NewScanner(Options{})
		got := s.Line("::stop-commands::" + tt.token)
		if (got.Err == nil) != tt.ok {
			t.Errorf("%q: %v", tt.token, got.Err)
		}
		if (got.Effect != nil) != tt.masked {
			t.Errorf("%q: effect %v", tt.token, got.Effect)
		}
		if after := s.Line("::error::x"); after.Consumed() == tt.ok {
			t.Errorf("%q: processing goes on = %v", tt.token, after.Consumed())
		}
		if got.Err != nil && !strings.Contains(got.Err.Error(), "ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS") {
			t.Errorf("%q: the error does not say how to allow it: %v", tt.token, got.Err)
		}
	}
}

func TestUnsecureStopTokens(t *testing.T) {
	s := NewScanner(Options{AllowUnsecureStopToken: true})
	if got := s.Line("::stop-commands::pause-logging"); got.Err != nil {
		t.Fatal(got.Err)
	}
	if got := s.Line("::pause-logging::"); !got.Consumed() {
		t.Errorf("resume: %+v", got)
	}
	s.Line("::stop-commands::")
	for _, line := range []string{"::::", "::error::x"} {
		if got := s.Line(line); got.Consumed() {
			t.Errorf("an empty token never resumes, but %q was consumed", line)
		}
	}
}

func TestAnnotationProperties(t *testing.T) {
	tests := []struct {
		props string
		want  Annotation
		notes int
	}{
		{"", Annotation{}, 0},
		{"file=a b.go,line=3,endLine=5,title=x", Annotation{File: "a b.go", Line: 3, EndLine: 5, Title: "x"}, 0},
		{"line=3,col=4,endColumn=7", Annotation{Line: 3, Column: 4, EndColumn: 7}, 0},
		{"line=3,endLine=3,col=4,endColumn=7", Annotation{Line: 3, EndLine: 3, Column: 4, EndColumn: 7}, 0},
		{"LINE=3,Col=4", Annotation{Line: 3, Column: 4}, 0},
		{"line=x", Annotation{}, 1},
		{"line=-1", Annotation{}, 1},
		{"line=1.5,endLine=2", Annotation{Line: 2, EndLine: 2}, 2},
		{"line=99999999999999999999", Annotation{}, 1},
		{"endLine=5", Annotation{Line: 5, EndLine: 5}, 1},
		{"line=3,endColumn=7", Annotation{Line: 3, Column: 7, EndColumn: 7}, 1},
		{"col=4", Annotation{}, 1},
		{"endColumn=4", Annotation{}, 2},
		{"line=3,endLine=5,col=4", Annotation{Line: 3, EndLine: 5}, 1},
		{"line=5,endLine=3", Annotation{}, 1},
		{"line=3,col=7,endColumn=4", Annotation{Line: 3}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.props, func(t *testing.T) {
			tt.want.Level, tt.want.Message = LevelWarning, "m"
			got := NewScanner(Options{}).Line("::warning " + tt.props + "::m")
			if *got.Annotation != tt.want {
				t.Errorf("got  %+v\nwant %+v", *got.Annotation, tt.want)
			}
			if len(got.Debug) != tt.notes {
				t.Errorf("notes %q, want %d", got.Debug, tt.notes)
			}
		})
	}
}

func TestLongMessageIsShortened(t *testing.T) {
	long := strings.Repeat("ü", MaxMessage+10)
	got := NewScanner(Options{}).Line("::error::" + long)
	if got.Annotation.Message != long {
		t.Error("the message was cut before it could be masked")
	}
	if n := len([]rune(Shortened(long))); n != MaxMessage {
		t.Errorf("a short message has %d characters", n)
	}
	if got.Echo != long {
		t.Error("the log line must stay whole")
	}
	if exact := strings.Repeat("ü", MaxMessage); Shortened(exact) != exact {
		t.Error("a message of exactly the limit was cut")
	}
}

func TestTagLine(t *testing.T) {
	if got := TagLine(LevelError, "m"); got != "##[error]m" {
		t.Error(got)
	}
	if got := TagLine(LevelPlain, "m"); got != "m" {
		t.Error(got)
	}
}
