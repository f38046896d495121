package command

import (
	"fmt"
	"strings"
)

// Level says what kind of line an Outcome is. Only LevelPlain lines were not consumed as a command;
// problem matchers look at those alone.
type Level string

const (
	LevelPlain    Level = ""
	LevelDebug    Level = "debug"
	LevelError    Level = "error"
	LevelWarning  Level = "warning"
	LevelNotice   Level = "notice"
	LevelGroup    Level = "group"
	LevelEndGroup Level = "endgroup"
	LevelCommand  Level = "command" // a processed command that has no line of its own
)

// Options are fixed for a step.
type Options struct {
	AllowUnsecure          bool // ACTIONS_ALLOW_UNSECURE_COMMANDS=true: set-env and add-path work
	AllowUnsecureStopToken bool // ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS=true
	AllowRepoPath          bool // the step runs actions/checkout: internal-set-repo-path is a command
	Debug                  bool // debug lines are shown and commands are echoed
	// RelativePath makes the file of an annotation relative to the repository root; nil leaves it as it is.
	RelativePath func(string) string
}

// Scanner reads the output of one step line by line. It is a plain state machine, not safe for concurrent use:
// both streams of a step go through one Scanner, in turn.
type Scanner struct {
	options Options
	echo    bool
	stopped bool
	token   string // resumes when stopped
}

// NewScanner returns a Scanner at the start of a step.
func NewScanner(options Options) *Scanner {
	return &Scanner{options: options, echo: options.Debug}
}

// ScannerState is where a Scanner stands between two lines. The token is as good as a secret.
type ScannerState struct {
	Echo    bool   `json:"echo,omitempty"`
	Stopped bool   `json:"stopped,omitempty"`
	Token   string `json:"token,omitempty"`
}

// State is for a checkpoint.
func (s *Scanner) State() ScannerState { return ScannerState{s.echo, s.stopped, s.token} }

// Restore goes on from a checkpoint.
func (s *Scanner) Restore(state ScannerState) {
	s.echo, s.stopped, s.token = state.Echo, state.Stopped, state.Token
}

// Outcome is what a line means. Apply Effect first (it may be a mask), then print Command if it is not empty,
// then Echo if Show, then Warning and Err.
type Outcome struct {
	Command    string      // the command as written, when commands are echoed; a line of LevelCommand
	Echo       string      // the line for the log without its tag; TagLine(Level, Echo) is what GitHub's log has
	Show       bool        // print Echo
	Level      Level       // kind of the line
	Annotation *Annotation // of error, warning, notice
	Effect     Effect      // nil for none
	Err        error       // the command failed: log it as an error, the step fails
	Warning    string      // to log as a warning
	Deprecated bool        // Warning is about an old command: once a job is enough
	Debug      []string    // remarks for the debug log
}

// Consumed reports whether the line was a command.
func (o Outcome) Consumed() bool { return o.Level != LevelPlain }

// Command reads a line as a command that Line would process.
func (s *Scanner) Command(line string) (Command, bool) {
	if s.stopped || !Marked(line) {
		return Command{}, false
	}
	return parse(line, s.known)
}

// Line says what a line of output means. The line has no newline at its end.
func (s *Scanner) Line(line string) Outcome {
	c, ok := parse(line, s.known)
	if !ok {
		return plain(line)
	}
	if s.stopped {
		if s.token == "" || !strings.EqualFold(c.Name, s.token) {
			return plain(line)
		}
		s.stopped, s.token = false, ""
		return Outcome{Level: LevelCommand, Echo: line, Show: true, Debug: []string{"resume processing commands"}}
	}
	return s.process(line, c)
}

func (s *Scanner) known(name string) bool {
	if strings.EqualFold(name, nameSetRepoPath) {
		return s.options.AllowRepoPath
	}
	return Known(name) || s.stopped && s.token != "" && strings.EqualFold(name, s.token)
}

// plain passes a line on. Markers that only the runner may write are made harmless.
// actions/runner: OutputManager.cs
func plain(line string) Outcome {
	line = strings.ReplaceAll(line, "##[start-action", `##[\start-action`)
	line = strings.ReplaceAll(line, "##[end-action", `##[\end-action`)
	return Outcome{Echo: line, Show: true}
}

// process carries out a command. actions/runner: ActionCommandManager.cs
func (s *Scanner) process(line string, c Command) Outcome {
	name := strings.ToLower(c.Name)
	switch name {
	case nameAddMask:
		return s.addMask(c)
	case nameDebug:
		return tagged(LevelDebug, c.Data, s.options.Debug)
	case nameError, nameWarning, nameNotice:
		out := tagged(Level(name), c.Data, true)
		out.Annotation, out.Debug = annotation(Level(name), c, s.options.RelativePath)
		return out
	case nameStopCommands:
		return s.stop(line, c)
	}

	var out Outcome
	switch name {
	case nameGroup:
		out = tagged(LevelGroup, c.Data, true)
	case nameEndGroup:
		out = tagged(LevelEndGroup, "", true)
	default:
		out = Outcome{Level: LevelCommand}
	}
	if s.echo { // as it is before the command, which may be `echo`
		out.Command = line
	}
	var err error
	switch name {
	case nameEcho:
		err = s.setEcho(c)
	case nameSetEnv:
		err = s.setEnv(c, &out)
	case nameAddPath:
		err = s.addPath(c, &out)
	case nameSetOutput:
		out.Effect, err = named(c, func(name string) Effect { return SetOutput{name, c.Data} })
		s.deprecated(c, "$GITHUB_OUTPUT", &out)
	case nameSaveState:
		out.Effect, err = named(c, func(name string) Effect { return SaveState{name, c.Data} })
		s.deprecated(c, "$GITHUB_STATE", &out)
	case nameAddMatcher:
		if c.Data == "" {
			out.Warning = "add-matcher: a file path must be specified"
		} else {
			out.Effect = AddMatcher{File: c.Data}
		}
	case nameRemoveMatcher:
		removeMatcher(c, &out)
	case nameSetRepoPath:
		out.Effect, err = repoPath(c)
	}
	if err != nil {
		out.Err = fmt.Errorf("process command %q: %w", line, err)
	}
	return out
}

func tagged(level Level, message string, show bool) Outcome {
	return Outcome{Level: level, Echo: message, Show: show}
}

// TagLine returns the log line of a message: `##[error]message`. The plain level has no tag.
func TagLine(level Level, message string) string {
	if level == LevelPlain {
		return message
	}
	return "##[" + string(level) + "]" + message
}
