package action

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Missing is one thing that a run without the network would lack.
type Missing struct {
	Ref    Ref
	Via    []Ref  // the composite actions that lead to it, outermost first
	Reason string // why it cannot be used
	Hint   string // what to do
}

// String is a line for people.
func (m Missing) String() string {
	text := m.Ref.String()
	if len(m.Via) > 0 {
		via := make([]string, len(m.Via))
		for i, ref := range m.Via {
			via[i] = ref.String()
		}
		text += " (used by " + strings.Join(via, " > ") + ")"
	}
	text += ": " + m.Reason
	if m.Hint != "" {
		text += ": " + m.Hint
	}
	return text
}

// Survey is what a run needs besides what it brings.
type Survey struct {
	Missing []Missing
	Images  []string // of docker:// references and docker actions, each once
	Node    []Using  // declared by JavaScript actions, each once
	Builds  []Ref    // docker actions whose image is built from a Dockerfile
}

// maxNesting is how deep composite actions may use each other
// (actions/runner: Constants.cs, CompositeActionsMaxDepth; the job's own step
// counts as well).
const maxNesting = 10

// Plan lists everything that is missing on this machine to run refs, also what
// composite actions use, and composite actions in these. It never touches the
// network, whatever Options say. When ctx ends the list is not complete.
func (s *Store) Plan(ctx context.Context, refs []Ref) []Missing {
	found, _ := s.Survey(ctx, refs)
	return found.Missing
}

// Survey looks at refs as Plan does and says what else they need. Local and
// $/ references are the caller's to look into: pass what their Action.Uses
// gives. The error is that of ctx.
func (s *Store) Survey(ctx context.Context, refs []Ref) (Survey, error) {
	v := &surveyor{store: s.offline(), seen: map[Ref]bool{}, images: map[string]bool{}, node: map[Using]bool{}}
	err := v.visit(ctx, refs, nil)
	return v.found, err
}

// offline is the same store without the network.
func (s *Store) offline() *Store {
	o := s.o
	o.Offline, o.Refresh = true, false
	return &Store{o: o, fetcher: noFetcher{}, server: s.server, began: s.began, now: s.now, hashes: map[string]string{}}
}

type surveyor struct {
	store  *Store
	found  Survey
	seen   map[Ref]bool
	images map[string]bool
	node   map[Using]bool
}

func (v *surveyor) visit(ctx context.Context, refs, via []Ref) error {
	for _, ref := range refs {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if v.seen[ref] {
			continue
		}
		v.seen[ref] = true
		switch ref.Kind {
		case Image:
			v.image(ref.Image)
		case Repository:
			if err := v.repository(ctx, ref, via); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *surveyor) repository(ctx context.Context, ref Ref, via []Ref) error {
	r, err := v.store.Resolve(ctx, ref)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		v.lacks(ref, via, err)
		return nil
	}
	if isWorkflow(ref.Path) {
		if _, err := os.Stat(r.Dir + "/" + ref.Path); err != nil {
			v.lacks(ref, via, &Error{Err: errors.New("the repository has no such file"), Hint: "check the path in uses"})
		}
		return nil
	}
	a, err := r.Load(ref.Path)
	if err != nil {
		v.lacks(ref, via, err)
		return nil
	}
	switch {
	case a.Runs.Using.IsNode():
		if !v.node[a.Runs.Using] {
			v.node[a.Runs.Using] = true
			v.found.Node = append(v.found.Node, a.Runs.Using)
		}
	case a.Runs.Using == Docker:
		if image, ok := strings.CutPrefix(a.Runs.Image, imageScheme); ok {
			v.image(image)
		} else {
			v.found.Builds = append(v.found.Builds, ref)
		}
	default:
		if len(via)+1 >= maxNesting {
			return nil // the run says so when it gets there
		}
		return v.visit(ctx, a.Uses(), append(via[:len(via):len(via)], ref))
	}
	return nil
}

func (v *surveyor) image(image string) {
	if !v.images[image] {
		v.images[image] = true
		v.found.Images = append(v.found.Images, image)
	}
}

func (v *surveyor) lacks(ref Ref, via []Ref, err error) {
	m := Missing{Ref: ref, Via: via, Reason: err.Error(), Hint: ""}
	var e *Error
	if errors.As(err, &e) {
		m.Reason, m.Hint = e.Err.Error(), e.Hint
	}
	if errors.Is(err, fs.ErrNotExist) && m.Hint == "" {
		m.Hint = howToGet(ref)
	}
	v.found.Missing = append(v.found.Missing, m)
}

func isWorkflow(path string) bool {
	return strings.HasPrefix(path, ".github/workflows/") && (strings.HasSuffix(path, ".yml") || strings.HasSuffix(path, ".yaml"))
}

// noFetcher stands where nothing may be fetched.
type noFetcher struct{}

var errNoNetwork = errors.New("the network is not used here")

func (noFetcher) Commit(_ context.Context, repository, _ string) (Commit, error) {
	return Commit{}, &problem{kind: KindMissing, err: fmt.Errorf("ask for %s: %w", repository, errNoNetwork)}
}

func (noFetcher) Fetch(_ context.Context, repository string, _ Commit, _ string) error {
	return &problem{kind: KindMissing, err: fmt.Errorf("fetch %s: %w", repository, errNoNetwork)}
}
