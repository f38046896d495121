package runner

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner/command"
)

// keeping says what an execution knows of its own checkpoints.
type keeping struct {
	base    *jobState   // as of the last boundary
	facts   []fact      // since then
	running *processing // now
	masks   []string    // all that are masked
	stray   map[executor.ProcessID]bool
	copied  []string
	unsure  bool // a fact could come out otherwise another time, and is not kept
}

// boundary notes that the job stands between two steps: number next of stage s
// is what comes. Only the job's own loop calls it.
func (x *execution) boundary(s stage, next int) {
	if x.Checkpoints == nil || x.env == nil {
		return
	}
	x.keep.base, x.keep.facts, x.keep.running = x.state(s, next), nil, nil
	x.save(nil)
}

// once is a stage that is one step at most.
func (x *execution) once(s stage, f func()) {
	if x.past(s, 0) {
		return
	}
	f()
	x.boundary(s+1, 0)
}

// past tells whether a job that goes on has left this behind already.
func (x *execution) past(s stage, i int) bool {
	from := x.from
	return from != nil && (s < from.Stage || s == from.Stage && i < from.Next)
}

// save hands the checkpoint over; kept, which may be nil, is called when it
// has reached a safe place.
func (x *execution) save(kept func()) { x.saved(false, kept) }

// saveNow waits until what was done cannot be forgotten any more. It is for
// what the place itself cannot tell of later.
func (x *execution) saveNow() {
	if x.Checkpoints == nil || x.keep.base == nil {
		return
	}
	done := make(chan struct{})
	x.saved(true, func() { close(done) })
	select {
	case <-done:
	case <-x.life.Done():
	}
}

// saveOver keeps how the job ended before its place goes: whoever comes after this
// program knows it, and does not look for the place in vain.
func (x *execution) saveOver(outputs map[string]string) {
	if x.Checkpoints == nil || x.env == nil {
		return
	}
	result := x.masked(x.result(outputs))
	if result.Infra != nil {
		return
	}
	x.keep.base, x.keep.facts, x.keep.running = x.state(stageEnd, 0), nil, nil
	x.keep.base.Over = &result
	x.saveNow()
}

func (x *execution) saved(urgent bool, kept func()) {
	if kept == nil {
		kept = func() {}
	}
	if x.Checkpoints == nil || x.keep.base == nil {
		kept()
		return
	}
	k := &x.keep
	k.unsure = false
	x.Checkpoints.Save(x.job, &Checkpoint{
		Version: checkpointVersion, Job: x.job.ID(), Place: x.job.Place, Started: x.started,
		State: k.base, Facts: k.facts[:len(k.facts):len(k.facts)], Running: k.running, Live: x.liveState(),
	}, urgent, kept)
}

// hide masks a value, also after a resumption.
func (x *execution) hide(v string) {
	x.masker.Add(v)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.keep.masks = append(x.keep.masks, v)
}

func (x *execution) liveState() liveState {
	l := liveState{Deprecated: x.deprecationShown.Load(), Matchers: x.matchers.list(), Annotated: x.annotated.counts()}
	if x.isCancelled() && !errors.Is(context.Cause(x.soft), errJobTimeout) { // that comes again by itself
		l.Cancelled = context.Cause(x.soft).Error()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	l.Masks = x.keep.masks[:len(x.keep.masks):len(x.keep.masks)]
	l.FirstError = x.firstError
	for id := range x.keep.stray {
		l.Stray = append(l.Stray, id)
	}
	return l
}

// state is the job as it is now, between two steps.
func (x *execution) state(s stage, next int) *jobState {
	st := &jobState{
		Stage: s, Next: next, Environment: x.env.ID(), Info: x.info,
		Env: slices.Clone(x.root.env.list), Token: x.token(), Paths: slices.Clone(x.root.paths), Artifacts: slices.Clone(x.root.artifacts),
		Services: keptServices{x.serving.ends.Token, x.serving.addr}, Ending: x.ending.kept(),
		Checkouts: x.checkouts.list(), Copied: x.copiedFolders(),
	}
	st.Steps = make([]keptStep, 0, len(x.root.steps.order))
	for _, id := range x.root.steps.order {
		step := x.root.steps.byID[id] // its outputs do not change any more
		st.Steps = append(st.Steps, keptStep{id, step.outputs, step.outcome, step.conclusion})
	}
	for _, g := range x.posts {
		p := keptPosts{Step: g.step.ID, Name: g.name, Instances: paths(g.posts)}
		st.Posts = append(st.Posts, p)
	}
	for _, id := range x.openOrder {
		st.Open = append(st.Open, x.open[id].kept())
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	st.Number, st.IDs, st.IDPrefix, st.Tracking = x.number, x.ids, x.idPrefix, x.tracking
	st.Status, st.Reason, st.Cause, st.Results = x.jobStatus, x.reason, x.cause, slices.Clone(x.results)
	for _, path := range sortedKeys(x.instances) {
		st.Instances = append(st.Instances, x.instances[path].kept())
	}
	return st
}

func paths(posts []post) []string {
	var out []string
	for _, p := range posts {
		out = append(out, p.inst.path)
	}
	return out
}

func (i *instance) kept() keptInstance {
	k := keptInstance{
		Path: i.path, Position: i.position, With: slices.Clone(i.with), Own: slices.Clone(i.own),
		GitHub: i.gh.kept(), State: maps.Clone(i.state), Posted: i.posted,
	}
	if i.action != nil {
		k.Manifest = i.action.file
	}
	return k
}

func (f githubFields) kept() keptFields {
	return keptFields{f.action, f.actionPath, f.actionRepository, f.actionRef, f.actionStatus, maps.Clone(f.files)}
}

func (f keptFields) fields() githubFields {
	return githubFields{
		action: f.Action, actionPath: f.Path, actionRepository: f.Repository, actionRef: f.Ref, actionStatus: f.Status,
		files: f.Files,
	}
}

func (b *backgroundStep) kept() keptBackground {
	k := keptBackground{Step: b.step.ID, Ref: b.ref}
	select {
	case <-b.done:
	default:
		return k
	}
	o := b.outcome
	k.Ended, k.Outcome, k.Conclusion, k.Reason, k.Exit = true, o.outcome, o.conclusion, o.reason, o.exit
	k.Effects, k.Posts = o.effects, paths(o.effects.Posts)
	k.Effects.Posts = nil
	return k
}

func (e *ending) kept() keptEnding {
	e.mu.Lock()
	defer e.mu.Unlock()
	k := keptEnding{Lines: slices.Clone(e.lines), Warnings: slices.Clone(e.warnings), Errors: slices.Clone(e.errors)}
	for version, names := range e.actions {
		if k.Actions == nil {
			k.Actions = map[string][]string{}
		}
		k.Actions[version] = slices.Clone(names)
	}
	return k
}

func (c *checkouts) list() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.served)
}

// copiedFolders are the actions that are in the place. While one is copied
// beside this step, the list is that of before.
func (x *execution) copiedFolders() []string {
	if x.actions == nil || !x.actions.copying.TryLock() {
		return x.keep.copied
	}
	defer x.actions.copying.Unlock()
	if len(x.actions.copied) != len(x.keep.copied) {
		x.keep.copied = nil
		for _, root := range sortedKeys(x.actions.copied) {
			if x.actions.copied[root] {
				x.keep.copied = append(x.keep.copied, root)
			}
		}
	}
	return x.keep.copied
}

func (m *matcherSet) list() []command.Matcher {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.set.List()
}

func (c *annotationCount) counts() []keptCount {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []keptCount
	for k, n := range c.of {
		out = append(out, keptCount{k.step, k.level, n})
	}
	slices.SortFunc(out, func(a, b keptCount) int {
		if a.Step != b.Step {
			return a.Step - b.Step
		}
		return strings.Compare(string(a.Level), string(b.Level))
	})
	return out
}

func (c *annotationCount) restore(list []keptCount) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of = map[countedLevel]int{}
	for _, k := range list {
		c.of[countedLevel{k.Step, k.Level}] = k.Count
	}
}
