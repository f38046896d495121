package runner

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/runner/command"
)

// output reads what one step prints: it obeys workflow commands, matches
// problems and emits what is left. It is used by one goroutine at a time.
type output struct {
	x        *execution
	number   int
	scanner  *command.Scanner
	matchers *command.Matchers // this step's, with nothing half matched
	effects  *Effects
	scope    *scope // the step's; nil for the job's own steps
	lines    lineReader
	now      time.Time // when what is read now came; zero between two reads
	err      error     // a command that could not be obeyed: the step has failed
	ranOut   string    // set: what is to say of a process that was killed for memory
}

func (x *execution) newOutput(number int, uses string, env *vars, effects *Effects) *output {
	allowed := func(name string) bool {
		v, ok := env.lookup(name)
		if !ok {
			v = x.job.Env[name]
		}
		return strings.EqualFold(v, "true")
	}
	o := &output{
		x: x, number: number, effects: effects, matchers: x.matchers.clone(),
		scanner: command.NewScanner(command.Options{
			AllowUnsecure:          allowed("ACTIONS_ALLOW_UNSECURE_COMMANDS"),
			AllowUnsecureStopToken: allowed("ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS"),
			AllowRepoPath:          isCheckout(uses),
			Debug:                  x.debug,
			RelativePath:           x.relativePath,
		}),
	}
	o.lines = lineReader{masker: x.masker, line: o.line, long: o.longLine, piece: func(text string) { o.emit(command.LevelPlain, text) }}
	return o
}

// write is an executor.Output: it runs on a goroutine of the back end.
func (o *output) write(_ int64, data []byte) {
	if err := guarded(func() error { o.read(data); return nil }); err != nil {
		o.x.noteInfra(err)
	}
}

func (o *output) read(data []byte) {
	o.now = time.Now()
	o.lines.read(data)
	o.now = time.Time{}
}

// flush takes the last line, which has no newline.
func (o *output) flush() { o.lines.flush() }

func (o *output) line(text string) {
	if !command.Marked(text) { // nearly every line
		o.noCommand(text, text)
		return
	}
	out := o.scanner.Line(text)
	if !out.Consumed() {
		o.noCommand(text, out.Echo)
		return
	}
	o.obey(out.Effect)
	if out.Command != "" {
		o.emit(command.LevelCommand, out.Command)
	}
	if out.Annotation != nil {
		o.annotate(*out.Annotation)
	}
	if out.Show {
		o.emit(out.Level, out.Echo)
	}
	if out.Warning != "" && !(out.Deprecated && o.x.deprecationShown.Swap(true)) {
		o.annotate(command.Annotation{Level: command.LevelWarning, Message: out.Warning})
		o.emit(command.LevelWarning, out.Warning)
	}
	if o.x.debug {
		for _, d := range out.Debug {
			o.emit(command.LevelDebug, d)
		}
	}
	if out.Err != nil {
		o.problem(out.Err)
	}
}

// noCommand is a line for the problem matchers; echo is how it is shown when
// they do not want it.
func (o *output) noCommand(text, echo string) {
	if a, ok := o.matchers.Line(text); ok {
		a.File = o.x.matchedFile(a.File)
		o.annotate(*a)
		o.emit(a.Level, text)
		return
	}
	o.emit(command.LevelPlain, echo)
}

// longLine decides about a line of which head is only the beginning: whether
// its pieces are shown.
func (o *output) longLine(head string) (show bool) {
	if c, ok := o.scanner.Command(head); ok {
		// Half a value must neither be used nor, if it is a secret, be shown.
		o.problem(fmt.Errorf("process command %q: its line is longer than %d KiB: write the value to a file instead", c.Name, maxLine>>10))
		return false
	}
	if !o.lines.told {
		o.lines.told = true
		o.emit(command.LevelNotice, fmt.Sprintf("A line is longer than %d KiB: such lines are shown in pieces.", maxLine>>10))
	}
	return true
}

// obey does at once what cannot wait (masks, matchers) and notes the rest.
func (o *output) obey(effect command.Effect) {
	switch e := effect.(type) {
	case nil:
	case command.SetEnv:
		o.effects.Env = append(o.effects.Env, Var{e.Name, e.Value})
	case command.AddPath:
		o.effects.Paths = append(o.effects.Paths, e.Path)
	case command.SetOutput:
		o.effects.setOutput(e.Name, e.Value)
	case command.SaveState:
		o.effects.setState(e.Name, e.Value)
	case command.AddMask:
		o.x.hide(e.Value)
	case command.AddMatcher:
		if err := o.addMatcher(e.File); err != nil {
			o.problem(err)
		}
	case command.RemoveMatcher:
		if err := o.removeMatcher(e); err != nil {
			o.problem(err)
		}
	case command.RepoPath:
		// actions/checkout tells where it put the repository; the workspace
		// is what paths are made relative to anyway.
	}
}

func (o *output) addMatcher(file string) error {
	list, err := o.matchersOf(file)
	if err != nil {
		return fmt.Errorf("add problem matcher %q: %w", file, err)
	}
	return errors.Join(o.matchers.Add(list), o.x.matchers.add(list))
}

func (o *output) removeMatcher(e command.RemoveMatcher) error {
	remove := func(owner string) {
		o.matchers.Remove(owner)
		o.x.matchers.remove(owner)
	}
	if e.Owner != "" {
		remove(e.Owner)
		return nil
	}
	list, err := o.matchersOf(e.File)
	if err != nil {
		return fmt.Errorf("remove problem matchers of %q: %w", e.File, err)
	}
	for _, m := range list {
		remove(m.Owner)
	}
	return nil
}

func (o *output) matchersOf(file string) ([]command.Matcher, error) {
	data, err := o.x.readFile(o.x.life, o.x.inWorkspace(o.x.fromContainer(file)))
	if err != nil {
		return nil, err
	}
	return command.ParseMatchers(data)
}

// problem makes the step fail and says why.
func (o *output) problem(err error) {
	o.err = errors.Join(o.err, err)
	o.errorLine(err.Error())
}

// errorLine prints an error and notes it as an annotation.
func (o *output) errorLine(text string) {
	o.annotate(command.Annotation{Level: command.LevelError, Message: text})
	o.emit(command.LevelError, text)
}

// annotate notes an annotation, unless the step made too many of its level;
// its line in the log stands anyway.
func (o *output) annotate(a command.Annotation) {
	if a.Level == command.LevelError {
		o.x.noteError(a)
	}
	if !o.x.replaying.Load() && o.x.annotated.more(o.number, a.Level) {
		o.x.emit(Annotated{Time: o.time(), Job: o.x.job.ID(), Step: o.number, Annotation: a})
	}
}

func (o *output) emit(level command.Level, text string) {
	o.x.emit(Line{Time: o.time(), Job: o.x.job.ID(), Step: o.number, Level: level, Text: text})
}

// time is that of an event; the lines of one read came at once.
func (o *output) time() time.Time {
	if o.now.IsZero() {
		return time.Now()
	}
	return o.now
}

// group opens a fold; the caller ends it.
func (o *output) group(title string) { o.emit(command.LevelGroup, title) }

func (o *output) endGroup() { o.emit(command.LevelEndGroup, "") }

// plain prints text as it is, a line each.
func (o *output) plain(text string) {
	for _, l := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		o.emit(command.LevelPlain, l)
	}
}
