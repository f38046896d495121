package tree

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"strconv"
	"strings"
	"sync"
)

// Repository is a git repository on this machine, bare or not.
type Repository struct{ dir string }

// Open makes a Repository of a folder in it. Nothing is read yet.
func Open(dir string) *Repository { return &Repository{dir} }

// Top is the top folder of the work tree.
func (r *Repository) Top(ctx context.Context) (string, error) {
	out, err := git(ctx, r.dir, "rev-parse", "--show-toplevel")
	if err != nil {
		return "", fmt.Errorf("find the repository of %q: %w", r.dir, err)
	}
	return strings.TrimSuffix(out, "\n"), nil
}

// Resolve gives the commit that a revision names.
func (r *Repository) Resolve(ctx context.Context, revision string) (string, error) {
	out, err := git(ctx, r.dir, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	if err != nil {
		if ctx.Err() != nil {
			return "", err
		}
		return "", fmt.Errorf("find commit %q: there is none in this repository: fetch it, or check its name", revision)
	}
	return strings.TrimSpace(out), nil
}

// Commit is the tree of one commit. Close must be called when it is done with.
type Commit struct {
	repository *Repository
	sha        string

	mu     sync.Mutex
	listed bool
	files  []File
	oids   map[string]string // of a submodule: empty
	cat    *exec.Cmd
	stop   context.CancelFunc
	ask    io.WriteCloser
	answer *bufio.Reader
}

// Commit gives the tree of a commit by its SHA.
func (r *Repository) Commit(sha string) *Commit { return &Commit{repository: r, sha: sha} }

// Files lists the commit's tree.
func (c *Commit) Files(ctx context.Context) ([]File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.files, c.list(ctx)
}

func (c *Commit) list(ctx context.Context) error {
	if c.listed {
		return nil
	}
	entries, err := c.repository.entries(ctx, c.sha)
	if err != nil {
		return err
	}
	c.oids = map[string]string{}
	for _, record := range entries {
		if f, oid, ok := parseEntry(record, 2); ok {
			c.files = append(c.files, f)
			if f.Mode == Submodule {
				oid = ""
			}
			c.oids[f.Path] = oid
		}
	}
	c.listed = true
	return nil
}

// Read gives a file. All reads share one git process.
func (c *Commit) Read(ctx context.Context, path string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.list(ctx); err != nil {
		return nil, err
	}
	oid, ok := c.oids[path]
	if !ok {
		return nil, fmt.Errorf("read %q at %q: %w", path, c.sha, fs.ErrNotExist)
	}
	if oid == "" {
		return nil, fmt.Errorf("read %q at %q: %w", path, c.sha, ErrNoFile)
	}
	content, err := c.blob(ctx, oid)
	if err != nil {
		return nil, fmt.Errorf("read %q at %q: %w", path, c.sha, err)
	}
	return content, nil
}

// blob asks the cat-file process (git-cat-file(1), BATCH OUTPUT).
func (c *Commit) blob(ctx context.Context, oid string) ([]byte, error) {
	if c.cat == nil {
		if err := c.start(ctx); err != nil {
			return nil, err
		}
	}
	// A cancelled read leaves half an answer in the stream: the process ends with it.
	defer context.AfterFunc(ctx, c.stop)()
	if _, err := io.WriteString(c.ask, oid+"\n"); err != nil {
		return nil, err
	}
	header, err := c.answer.ReadString('\n')
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(header)
	if len(fields) != 3 || fields[1] != "blob" {
		return nil, fmt.Errorf("git has %q, not a file", strings.TrimSpace(header))
	}
	size, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return nil, err
	}
	content := make([]byte, min(size, maxFile))
	if _, err := io.ReadFull(c.answer, content); err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, c.answer, size-int64(len(content))+1); err != nil { // and the line's end
		return nil, err
	}
	if size > maxFile {
		return nil, ErrFileTooLarge
	}
	return content, nil
}

func (c *Commit) start(ctx context.Context) error {
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	cmd := command(life, c.repository.dir, "cat-file", "--batch")
	ask, err := cmd.StdinPipe()
	if err != nil {
		stop()
		return err
	}
	answer, err := cmd.StdoutPipe()
	if err != nil {
		stop()
		return err
	}
	if err := cmd.Start(); err != nil {
		stop()
		return err
	}
	c.cat, c.stop, c.ask, c.answer = cmd, stop, ask, bufio.NewReader(answer)
	return nil
}

// Close ends the git process. The tree can be read again after it.
func (c *Commit) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cat == nil {
		return nil
	}
	_ = c.ask.Close()
	c.stop()
	_ = c.cat.Wait() // it was told to end
	c.cat = nil
	return nil
}
