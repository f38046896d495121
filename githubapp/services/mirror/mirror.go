package mirror

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/githubapp/auth"
	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/githubapp/store"
)

// Repository is one at GitHub. The folder goes by its ID: names change.
type Repository struct {
	ID           store.RepositoryID
	Installation int64
	FullName     string
}

// Options of New. Folder and Endpoints are needed.
type Options struct {
	Folder    string // absolute; no other process may use it at the same time
	Endpoints auth.Endpoints
	// Token may read the contents of the repository; "": nobody asks for one.
	Token func(ctx context.Context, r Repository) (string, error)

	Limits Limits
	// Again are the pauses before what GitHub refuses is asked for once more; nil: a
	// second, then three.
	Again []time.Duration
	Log   *slog.Logger
	Now   func() time.Time
}

// Limits of what mirrors may take; 0 is what the comment says.
type Limits struct {
	Size   int64         // bytes of one mirror; 20 GiB
	Time   time.Duration // of one fetch; 15 min
	AtOnce int           // fetches; 4
	Unused time.Duration // after which a mirror is removed; 30 days
}

// Mirror is the mirrors of a folder.
type Mirror struct {
	o      Options
	closed chan struct{}
	all    sync.WaitGroup
	room   chan struct{} // for fetches

	mu     sync.Mutex
	flying map[store.RepositoryID]chan struct{} // the right to change a mirror
	large  map[store.RepositoryID]time.Time     // too large until then: not tried again
	swept  time.Time
}

// ErrClosed says that the mirrors are being closed.
var ErrClosed = errors.New("the mirrors are closed")

// New makes a Mirror. The folder is made when it is needed.
func New(o Options) (*Mirror, error) {
	if !filepath.IsAbs(o.Folder) || o.Endpoints.Web == "" {
		return nil, fmt.Errorf("make mirrors in %q: an absolute folder and GitHub's address are needed", o.Folder)
	}
	if o.Limits.Size <= 0 {
		o.Limits.Size = 20 << 30
	}
	if o.Limits.Time <= 0 {
		o.Limits.Time = 15 * time.Minute
	}
	if o.Limits.AtOnce <= 0 {
		o.Limits.AtOnce = 4
	}
	if o.Limits.Unused <= 0 {
		o.Limits.Unused = 30 * 24 * time.Hour
	}
	if o.Again == nil {
		o.Again = []time.Duration{time.Second, 3 * time.Second}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Mirror{
		o: o, closed: make(chan struct{}), room: make(chan struct{}, o.Limits.AtOnce),
		flying: map[store.RepositoryID]chan struct{}{}, large: map[store.RepositoryID]time.Time{},
	}, nil
}

// Close ends what is being fetched and waits for it.
func (m *Mirror) Close() {
	m.mu.Lock()
	if !m.isClosed() {
		close(m.closed)
	}
	m.mu.Unlock()
	m.all.Wait()
}

func (m *Mirror) isClosed() bool {
	select {
	case <-m.closed:
		return true
	default:
		return false
	}
}

var (
	isSHA  = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)
	isName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*/[A-Za-z0-9._-]+$`) // GitHub's
	isTag  = regexp.MustCompile(`^refs/tags/[^\x00-\x20\x7f~^:?*\[\\]+$`)        // git-check-ref-format(1)
)

// Fetch brings commits into the mirror of a repository, with their histories and all
// tags, and gives the mirror. A want is the SHA of a commit, which no branch need
// have (any more), or a tag as refs/tags/v1. A tag is there when it points to one of
// the commits; one that GitHub does not have is no error.
//
// A commit that is gone is a repository.Error of kind NoCommit, and other refusals
// that do not pass are of its other kinds. What is under way goes on when ctx ends:
// whoever asks again finds it done, or waits for it.
func (m *Mirror) Fetch(ctx context.Context, r Repository, wants ...string) (*tree.Repository, error) {
	doing := fmt.Sprintf("fetch from %q", r.FullName)
	bad := func(what, value string) error {
		return &repository.Error{Doing: doing, Kind: repository.Malformed, Err: fmt.Errorf("%s %q", what, value)}
	}
	if !isName.MatchString(r.FullName) || strings.HasSuffix(r.FullName, "/.") || strings.HasSuffix(r.FullName, "/..") || r.ID <= 0 {
		return nil, bad("repository", fmt.Sprintf("%d %s", r.ID, r.FullName))
	}
	w := wanted{}
	for _, want := range wants {
		switch {
		case isSHA.MatchString(want):
			w.commits = append(w.commits, want)
		case isTag.MatchString(want) && !strings.Contains(want, "..") && !strings.Contains(want, "@{"):
			w.tags = append(w.tags, want)
		case strings.HasPrefix(want, "refs/tags/"): // git allows no such tag
		default:
			return nil, bad("commit", want)
		}
	}
	if len(w.commits) == 0 {
		return nil, bad("commit", "")
	}
	dir := m.dir(r.ID)
	m.used(r.ID)
	switch there, err := has(ctx, dir, w); {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", doing, err)
	case there:
		return tree.Open(dir), nil
	}
	if err := m.await(ctx, r, w); err != nil {
		var known *repository.Error
		if errors.As(err, &known) {
			return nil, err
		}
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	return tree.Open(dir), nil
}

// wanted is what is to be there.
type wanted struct{ commits, tags []string }

// await lets a fetch happen and waits for its end, or for that of ctx.
func (m *Mirror) await(ctx context.Context, r Repository, w wanted) error {
	m.mu.Lock()
	if m.isClosed() {
		m.mu.Unlock()
		return ErrClosed
	}
	turn := m.flying[r.ID]
	if turn == nil {
		turn = make(chan struct{}, 1)
		m.flying[r.ID] = turn
	}
	m.all.Add(1)
	m.mu.Unlock()
	done := make(chan error, 1)
	go func() {
		defer m.all.Done()
		done <- m.fly(context.WithoutCancel(ctx), r, w, turn)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("it takes longer, and goes on: %w", context.Cause(ctx))
	}
}

// fly is one fetch. Those of a repository happen one after the other: what one has
// brought the next finds there.
func (m *Mirror) fly(ctx context.Context, r Repository, w wanted, turn chan struct{}) error {
	for _, place := range []chan struct{}{turn, m.room} {
		select {
		case place <- struct{}{}:
			defer func() { <-place }()
		case <-m.closed:
			return ErrClosed
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, m.o.Limits.Time, fmt.Errorf("it took longer than %s", m.o.Limits.Time))
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		select {
		case <-m.closed:
			stop(ErrClosed)
		case <-ctx.Done():
		}
	}()
	m.mu.Lock()
	until := m.large[r.ID]
	m.mu.Unlock()
	if m.o.Now().Before(until) {
		return m.tooLarge(r)
	}
	free, err := m.lock(ctx, r.ID)
	if err != nil {
		return err
	}
	defer free.Close()
	dir := m.dir(r.ID)
	if there, err := has(ctx, dir, w); err != nil || there {
		return err
	}
	err = m.insist(ctx, r, w, free)
	if errors.Is(err, errDamaged) {
		m.o.Log.Warn("a mirror is damaged and made anew", "repository", r.FullName, "err", err)
		if err = os.RemoveAll(dir); err == nil {
			err = m.insist(ctx, r, w, free)
		}
	}
	if err == nil {
		m.tidy(ctx, dir, free)
		m.sweep()
	} else if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err) // whatever it was that took so long
	}
	return err
}

func (m *Mirror) dir(id store.RepositoryID) string {
	return filepath.Join(m.o.Folder, strconv.FormatInt(int64(id), 10)+".git")
}

func (m *Mirror) tooLarge(r Repository) error {
	return &repository.Error{
		Doing: fmt.Sprintf("fetch from %q", r.FullName), Kind: repository.TooLarge,
		Err: fmt.Errorf("its history takes more than %d bytes", m.o.Limits.Size),
	}
}
