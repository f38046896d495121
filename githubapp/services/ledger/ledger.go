package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// kept is how many builds of a service are remembered, at least: the last one that
// was published stays whatever came after it.
const kept = 50

// Ledger is the memory of all repositories' services.
type Ledger struct{ values store.Values }

// New makes a Ledger over a store.
func New(values store.Values) *Ledger { return &Ledger{values} }

// name of a service's value. Services' names have no slash.
func name(repository store.RepositoryID, service string) string {
	return fmt.Sprintf("%s%s", prefix(repository), service)
}

func prefix(repository store.RepositoryID) string { return fmt.Sprintf("service/%d/", repository) }

// Add keeps a build; one of the same run and attempt is replaced.
func (l *Ledger) Add(ctx context.Context, b Build) error {
	for {
		old, err := l.values.Value(ctx, name(b.Repository, b.Service))
		if err != nil {
			return err
		}
		list, err := decode(old)
		if err != nil {
			return fmt.Errorf("read the builds of service %q: %w", b.Service, err)
		}
		list = slices.DeleteFunc(list, func(o Build) bool { return o.Run == b.Run && o.Attempt == b.Attempt })
		list = append([]Build{b}, list...)
		slices.SortStableFunc(list, func(a, b Build) int { return b.Time.Compare(a.Time) })
		data, err := json.Marshal(shorten(list))
		if err != nil {
			return fmt.Errorf("keep a build of service %q: %w", b.Service, err)
		}
		if err = l.values.SwapValue(ctx, name(b.Repository, b.Service), old, data); !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

// shorten forgets the oldest, but none that is the last published one of its ref.
func shorten(list []Build) []Build {
	refs := map[string]bool{}
	var out []Build
	for i, b := range list {
		last := b.Published && !refs[b.Ref] && len(refs) < kept
		if last {
			refs[b.Ref] = true
		}
		if i < kept || last {
			out = append(out, b)
		}
	}
	return out
}

func decode(data []byte) ([]Build, error) {
	if data == nil {
		return nil, nil
	}
	var list []Build
	err := json.Unmarshal(data, &list)
	return list, err
}

// Builds are those of a service, the newest first.
func (l *Ledger) Builds(ctx context.Context, repository store.RepositoryID, service string) ([]Build, error) {
	data, err := l.values.Value(ctx, name(repository, service))
	if err != nil {
		return nil, err
	}
	list, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("read the builds of service %q: %w", service, err)
	}
	return list, nil
}

// Service is where a service stands.
type Service struct {
	Name      string `json:"service"`
	Last      Build  `json:"last"`
	Published *Build `json:"published"` // the last one that was; nil: none was
}

// Services are those of a repository, by name.
func (l *Ledger) Services(ctx context.Context, repository store.RepositoryID) ([]Service, error) {
	values, err := l.values.ListValues(ctx, prefix(repository))
	if err != nil {
		return nil, err
	}
	var all []Service
	for at, data := range values {
		list, err := decode(data)
		if err != nil {
			return nil, fmt.Errorf("read value %q: %w", at, err)
		}
		if len(list) == 0 {
			continue
		}
		s := Service{Name: strings.TrimPrefix(at, prefix(repository)), Last: list[0]}
		if i := slices.IndexFunc(list, func(b Build) bool { return b.Published }); i >= 0 {
			s.Published = &list[i]
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Service) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// Published is the last build of a service that was published from a commit.
func (l *Ledger) Published(ctx context.Context, repository store.RepositoryID, service, commit string) (Build, bool, error) {
	list, err := l.Builds(ctx, repository, service)
	if err != nil {
		return Build{}, false, err
	}
	for _, b := range list {
		if b.Published && b.Digest != "" && b.Commit == commit {
			return b, true, nil
		}
	}
	return Build{}, false, nil
}
