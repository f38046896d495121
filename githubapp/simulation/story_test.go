package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// story is what people do at GitHub, and which runs have to come of it.
type story struct {
	gh           *githubtest.GitHub
	rng          *rand.Rand
	faults       githubtest.Faults
	repositories []*githubtest.Repository
	heads        map[*githubtest.Repository][]string // branches that may move on
	pulls        map[*githubtest.Repository][]pull
	silent       map[string]bool // commits that ask for no runs

	n        int
	expected map[string]int      // runs by causeOf
	runs     int                 // of them, with those that follow
	pressed  map[store.RunID]int // re-runs that were asked for
	approved map[store.RunID]bool
	forgot   int
}

type pull struct {
	branch string
	*githubtest.PullRequest
}

// writer is who presses buttons, stranger who has a fork.
const writer, stranger = "alice", "mallory"

func newStory(gh *githubtest.GitHub, seed uint64, repositories int) *story {
	s := &story{
		gh: gh, rng: rand.New(rand.NewPCG(seed, 1)), heads: map[*githubtest.Repository][]string{}, pulls: map[*githubtest.Repository][]pull{}, silent: map[string]bool{},
		expected: map[string]int{}, pressed: map[store.RunID]int{}, approved: map[store.RunID]bool{},
	}
	gh.User(stranger)
	for n := range repositories {
		r := gh.Repository(fmt.Sprintf("octo/r%d", n), workflows)
		r.Collaborator(writer, "write")
		s.repositories = append(s.repositories, r)
	}
	return s
}

// causeOf names what a run has to come of; "" for what is counted otherwise.
func causeOf(repository, workflow, event, ref, head string) string {
	switch event {
	case "push", "pull_request":
		return strings.Join([]string{repository, workflow, event, ref, head}, " ")
	case "workflow_dispatch", "repository_dispatch":
		return strings.Join([]string{repository, workflow, event}, " ")
	}
	return ""
}

func (s *story) expect(r *githubtest.Repository, file, event, ref, head string) {
	s.expected[causeOf(r.FullName, ".github/workflows/"+file, event, ref, head)]++
	s.runs++
	if file == "ci.yml" {
		s.runs += 2
	}
}

func (s *story) pushed(r *githubtest.Repository, branch, sha string, docs bool) {
	ref := "refs/heads/" + branch
	s.expect(r, "ci.yml", "push", ref, sha)
	if branch == "main" {
		s.expect(r, "deploy.yml", "push", ref, sha)
	}
	if docs {
		s.expect(r, "docs.yml", "push", ref, sha)
	}
	for _, p := range s.pulls[r] {
		if p.branch == branch {
			s.expect(r, "ci.yml", "pull_request", fmt.Sprintf("refs/pull/%d/merge", p.Number), sha)
		}
	}
}

func (s *story) files() githubtest.Files {
	s.n++
	return githubtest.Files{fmt.Sprintf("src/f%d", s.n): "x"}
}

func (s *story) branch(r *githubtest.Repository) string {
	name := fmt.Sprintf("topic/%d", s.n)
	sha := r.Commit(name, s.files(), "Begin")
	s.pushed(r, name, sha, false)
	s.heads[r] = append(s.heads[r], name)
	return name
}

// next does one thing, and says what.
func (s *story) next(runs []store.Run, jobs func(store.RunID) []store.Job) string {
	r := s.repositories[s.rng.IntN(len(s.repositories))]
	switch dice := s.rng.IntN(100); {
	case dice < 20:
		s.pushed(r, "main", r.Commit("main", s.files(), "Work"), false)
		return "push"
	case dice < 28:
		f := s.files()
		f[fmt.Sprintf("docs/%d", s.n)] = "x"
		s.pushed(r, "main", r.Commit("main", f, "Write"), true)
		return "push docs"
	case dice < 36:
		s.branch(r)
		return "branch"
	case dice < 44:
		if len(s.heads[r]) == 0 {
			s.branch(r)
		}
		name := s.heads[r][s.rng.IntN(len(s.heads[r]))]
		s.pushed(r, name, r.Commit(name, s.files(), "Go on"), false)
		return "push branch"
	case dice < 50:
		s.n++
		sha, name := r.Head("main"), fmt.Sprintf("v%d", s.n)
		r.Tag(name, sha)
		if s.silent[sha] { // the message of the tag's commit counts as that of any push does
			return "silent tag"
		}
		s.expect(r, "release.yml", "push", "refs/tags/"+name, sha)
		s.expect(r, "docs.yml", "push", "refs/tags/"+name, sha) // GitHub docs: path filters are not evaluated for pushes of tags
		return "tag"
	case dice < 58:
		name := s.branch(r)
		p := r.PullRequest(githubtest.Pull{Head: name, By: writer})
		s.pulls[r] = append(s.pulls[r], pull{name, p})
		s.expect(r, "ci.yml", "pull_request", fmt.Sprintf("refs/pull/%d/merge", p.Number), p.Head())
		return "pull request"
	case dice < 61:
		if len(s.pulls[r]) == 0 {
			return "nothing to merge"
		}
		p := s.pulls[r][0]
		s.pulls[r] = s.pulls[r][1:]
		s.heads[r] = slices.DeleteFunc(s.heads[r], func(b string) bool { return b == p.branch })
		s.pushed(r, "main", p.Merge(), false)
		return "merge"
	case dice < 67:
		fork := r.Fork(stranger)
		s.n++
		name := fmt.Sprintf("patch/%d", s.n)
		fork.Commit(name, s.files(), "Patch")
		p := r.PullRequest(githubtest.Pull{Head: stranger + ":" + name, By: stranger})
		s.expect(r, "ci.yml", "pull_request", fmt.Sprintf("refs/pull/%d/merge", p.Number), p.Head())
		return "fork"
	case dice < 72:
		return s.forgotten(r)
	case dice < 79:
		r.DispatchWorkflow("manual.yml", "main", map[string]any{"what": "x"}, writer)
		s.expect(r, "manual.yml", "workflow_dispatch", "", "")
		return "dispatch"
	case dice < 83:
		r.DispatchRepository("go", nil, writer)
		s.expect(r, "manual.yml", "repository_dispatch", "", "")
		return "repository dispatch"
	case dice < 85:
		s.silent[r.Commit("main", s.files(), "Nothing [skip ci]")] = true
		return "skip"
	case dice < 91:
		return s.cancel(r)
	}
	return s.again(runs, jobs)
}

// forgotten pushes with no webhook ever made: the heads of branches tell of it.
func (s *story) forgotten(r *githubtest.Repository) string {
	f := s.faults
	f.ForgetWebhooks = 1
	s.gh.Faults(f)
	defer s.gh.Faults(s.faults)
	name := fmt.Sprintf("forgotten/%d", s.n)
	s.pushed(r, name, r.Commit(name, s.files(), "Unheard of"), false)
	s.forgot++
	return "forgotten push"
}

// cancel presses the button of a check run that goes on.
func (s *story) cancel(r *githubtest.Repository) string {
	var open []int64
	for _, c := range s.gh.CheckRuns(r, "") {
		if c.Status != "completed" && slices.ContainsFunc(c.Actions, func(a githubtest.Action) bool { return a.Identifier == "cancel" }) {
			open = append(open, c.ID)
		}
	}
	if len(open) == 0 {
		return "nothing to cancel"
	}
	s.gh.RequestAction(open[s.rng.IntN(len(open))], writer, "cancel")
	return "cancel"
}

// again runs something again that has ended, once.
func (s *story) again(runs []store.Run, jobs func(store.RunID) []store.Job) string {
	var ended []store.Run
	for _, r := range runs {
		if r.State == store.Completed && s.pressed[r.ID] == 0 {
			ended = append(ended, r)
		}
	}
	if len(ended) == 0 {
		return "nothing to run again"
	}
	r := ended[s.rng.IntN(len(ended))]
	for _, j := range jobs(r.ID) {
		if j.CheckRun == 0 || j.Attempt != r.Attempt {
			continue
		}
		s.pressed[r.ID]++
		if s.runs++; r.Workflow == ".github/workflows/ci.yml" {
			s.runs += 2
		}
		if j.Conclusion == plan.Failure || j.Conclusion == plan.Cancelled {
			s.gh.RequestAction(j.CheckRun, writer, "rerun-failed")
			return fmt.Sprintf("run what failed of run %d again", r.ID)
		}
		s.gh.Rerequest(j.CheckRun, writer)
		return fmt.Sprintf("run job %s of run %d again", j.Job, r.ID)
	}
	return "nothing to run again"
}

// approve lets the runs of forks begin that wait.
func (s *story) approve(runs []store.Run) {
	for _, r := range runs {
		if r.State == store.Waiting && r.CheckRun != 0 && !s.approved[r.ID] {
			s.approved[r.ID] = true
			s.gh.RequestAction(r.CheckRun, writer, "approve")
		}
	}
}
