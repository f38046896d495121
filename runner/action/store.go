package action

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Options make a Store.
type Options struct {
	// Dir is where the store keeps everything; several processes may share it.
	Dir string
	// Offline forbids every use of the network.
	Offline bool
	// Refresh asks for every branch and tag once more, however fresh.
	Refresh bool
	// Local are folders that stand for repositories; they are not copied.
	Local []LocalRepository
	// ServerURL is where repositories come from; "" is https://github.com.
	ServerURL string
	// Token may give a token for ServerURL.
	Token func(context.Context) string
	// Fetcher replaces Git, mainly in tests.
	Fetcher Fetcher
	// MaxBytes and MaxFiles bound one unpacked repository; 0: 4 GiB, 500 000.
	MaxBytes int64
	MaxFiles int
	Log      *slog.Logger
	// Progress is told what takes time, in a line for people. It may be called
	// from several goroutines.
	Progress func(text string)
}

// Store keeps actions by commit:
//
//	actions/OWNER/REPO/SHA/       the files
//	actions/OWNER/REPO/SHA.json   what they must be
//	git/SERVER/OWNER/REPO         a bare repository with the commits
//	refs/SERVER/OWNER/REPO.json   which commit each ref named, and when
//
// Its methods may be called from several goroutines.
type Store struct {
	o       Options
	fetcher Fetcher
	server  string // ServerURL as a folder's name
	began   time.Time
	now     func() time.Time

	mu     sync.Mutex
	hashes map[string]string // of local folders
}

// NewStore makes a store; nothing is read or written before it is used.
func NewStore(o Options) *Store {
	if o.ServerURL == "" {
		o.ServerURL = "https://github.com"
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 4 << 30
	}
	if o.MaxFiles == 0 {
		o.MaxFiles = 500_000
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	s := &Store{o: o, fetcher: o.Fetcher, server: serverName(o.ServerURL), now: time.Now, hashes: map[string]string{}}
	switch {
	case o.Offline:
		s.fetcher = noFetcher{}
	case s.fetcher == nil:
		s.fetcher = &Git{ServerURL: o.ServerURL, Token: o.Token}
	}
	s.began = s.now()
	return s
}

// serverName makes one folder's name of a server's address.
func serverName(address string) string {
	name := address
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		name = u.Host + u.Path
	}
	return strings.Trim(strings.Map(func(r rune) rune {
		if strings.ContainsRune(nameChars, r) {
			return r
		}
		return '_'
	}, strings.ToLower(name)), "_.")
}

// Resolved is a repository at a commit, on this machine. Nobody may write
// into Dir.
type Resolved struct {
	Repository string   // owner/repo, as asked for
	Ref        string   // as asked for
	SHA        string   // commit; of a local folder without git its ContentHash
	Dir        string   // root of the repository's files
	Local      bool     // Dir is the user's own folder
	Warnings   []string // for people; said by the call that found out
}

// Load reads the action at path below the root.
func (r Resolved) Load(path string) (*Action, error) {
	root, err := os.OpenRoot(r.Dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return Load(root.FS(), path)
}

// maxWorkflow bounds a reusable workflow's file (GitHub: 1 MiB).
const maxWorkflow = 1 << 20

// File gives the content of the file at ref.Path, for reusable workflows.
func (s *Store) File(ctx context.Context, ref Ref) ([]byte, Resolved, error) {
	r, err := s.Resolve(ctx, ref)
	if err != nil {
		return nil, r, err
	}
	root, err := os.OpenRoot(r.Dir)
	if err != nil {
		return nil, r, failed("read", ref, err)
	}
	defer root.Close()
	src, err := readFile(root.FS(), filepath.ToSlash(ref.Path), maxWorkflow)
	if errors.Is(err, fs.ErrNotExist) {
		err = &problem{kind: KindNotFound, err: fmt.Errorf("%s has no file %q at %s", r.Repository, ref.Path, r.SHA), hint: "check the path in uses"}
	}
	return src, r, failed("read", ref, err)
}

// Verify reads all files of a resolved repository and compares them with the
// commit, by git's object ids. A local folder is what it is.
func (s *Store) Verify(ctx context.Context, r Resolved) error {
	if r.Local {
		return nil
	}
	at := s.place(r.Repository)
	rec, err := readRecord(at.record(r.SHA))
	if err == nil && rec.SHA != r.SHA {
		err = fmt.Errorf("its record is of %s", rec.SHA)
	}
	if err == nil {
		err = rec.verify(ctx, at.tree(r.SHA))
	}
	if err != nil {
		return fmt.Errorf("verify %s at %s: %w: remove %q to have it fetched again", r.Repository, r.SHA, err, at.tree(r.SHA))
	}
	return nil
}

// place is where one repository is kept. GitHub's names ignore case.
type place struct{ snapshots, git, memory, lock string }

func (s *Store) place(repository string) place {
	name := filepath.FromSlash(strings.ToLower(repository))
	return place{
		snapshots: filepath.Join(s.o.Dir, "actions", name),
		git:       filepath.Join(s.o.Dir, "git", s.server, name),
		memory:    filepath.Join(s.o.Dir, "refs", s.server, name+".json"),
		lock:      filepath.Join(s.o.Dir, "locks", s.server, name),
	}
}

func (p place) tree(sha string) string   { return filepath.Join(p.snapshots, sha) }
func (p place) record(sha string) string { return filepath.Join(p.snapshots, sha+".json") }
