package action

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"strconv"
	"strings"
)

// maxLink bounds the target of a symbolic link.
const maxLink = 4096

// limits bound what a snapshot may cost.
type limits struct {
	bytes int64
	files int
}

// unpackCommit writes the tree of a commit into the empty folder dir, byte for
// byte as it is committed: no filter, no line end and no attribute of git has
// a say. It gives what it wrote. Submodules become empty folders, as in
// GitHub's archives. The names come from strangers: all is written through an
// os.Root, links last, and a link that leaves the folder is refused.
func unpackCommit(ctx context.Context, gitDir, sha, dir string, most limits) (*record, error) {
	git := gitCommand{dir: gitDir}
	raw, err := git.run(ctx, "cat-file", "commit", sha)
	if err != nil {
		return nil, err
	}
	listing, err := git.run(ctx, "ls-tree", "-r", "-l", "-z", "--full-tree", sha)
	if err != nil {
		return nil, err
	}
	files, err := readListing(string(listing), most)
	if err != nil {
		return nil, &problem{kind: KindInvalid, err: err}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	objects, err := openObjects(ctx, git)
	if err != nil {
		return nil, err
	}
	defer objects.close()
	for i := range files {
		if err := writeEntry(root, &files[i], objects); err != nil {
			return nil, fmt.Errorf("write %q: %w", files[i].Path, err)
		}
	}
	for i := range files {
		if files[i].Mode == modeLink {
			if err := writeLink(root, &files[i], objects); err != nil {
				return nil, err
			}
		}
	}
	if err := checkLinks(root, files); err != nil {
		return nil, err
	}
	rec := &record{SHA: sha, Commit: string(raw), Files: files}
	if err := rec.stat(root); err != nil {
		return nil, err
	}
	if rec.anchored() != nil {
		rec.Commit = "" // an old tree with odd modes: git has checked it, we cannot again
	}
	return rec, nil
}

// readListing reads `ls-tree -r -l -z`: "mode type id size\tpath\0".
func readListing(listing string, most limits) ([]fileEntry, error) {
	var files []fileEntry
	var total int64
	for line := range strings.SplitSeq(strings.TrimSuffix(listing, "\x00"), "\x00") {
		if line == "" {
			continue
		}
		head, name, ok := strings.Cut(line, "\t")
		fields := strings.Fields(head)
		if !ok || len(fields) != 4 {
			return nil, fmt.Errorf("git lists %q", clip(line))
		}
		f := fileEntry{Path: name, Mode: fields[0], ID: fields[2]}
		if err := checkPath(name); err != nil {
			return nil, err
		}
		switch f.Mode {
		case modeFile, modeExecutable, modeLink:
			size, err := strconv.ParseInt(fields[3], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("the size of %q: %w", name, err)
			}
			f.Size = size
		case modeSubmodule:
		default:
			return nil, fmt.Errorf("%q has the unknown mode %s", name, f.Mode)
		}
		if f.Mode == modeLink && f.Size > maxLink {
			return nil, fmt.Errorf("the link %q has a target of %d bytes", name, f.Size)
		}
		total += f.Size
		if files = append(files, f); len(files) > most.files {
			return nil, fmt.Errorf("it has more than %d files", most.files)
		}
		if total > most.bytes {
			return nil, fmt.Errorf("it is larger than %d bytes", most.bytes)
		}
	}
	return files, nil
}

// checkPath refuses what git itself would not check out.
func checkPath(name string) error {
	if len(name) > 4096 || strings.ContainsRune(name, 0) {
		return fmt.Errorf("the path %q is refused", clip(name))
	}
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case part == "", part == ".", part == "..", strings.EqualFold(part, ".git"):
			return fmt.Errorf("the path %q is refused: %q is no name in a tree", clip(name), part)
		case os.PathSeparator != '/' && strings.ContainsAny(part, `\:`):
			return fmt.Errorf("the path %q cannot be written on this system", clip(name))
		}
	}
	return nil
}

func writeEntry(root *os.Root, f *fileEntry, objects *objectReader) error {
	if f.Mode == modeSubmodule {
		return root.MkdirAll(f.Path, 0o755)
	}
	if f.Mode == modeLink {
		return nil
	}
	if dir := path.Dir(f.Path); dir != "." {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	perm := fs.FileMode(0o644)
	if f.Mode == modeExecutable {
		perm = 0o755
	}
	out, err := root.OpenFile(f.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	if err := objects.copy(f, out); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

func writeLink(root *os.Root, f *fileEntry, objects *objectReader) error {
	var target bytes.Buffer
	if err := objects.copy(f, &target); err != nil {
		return fmt.Errorf("read the link %q: %w", f.Path, err)
	}
	if !insideRoot(f.Path, target.String()) {
		return leaves(f.Path, target.String())
	}
	if dir := path.Dir(f.Path); dir != "." {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("write %q: %w", f.Path, err)
		}
	}
	if err := root.Symlink(target.String(), f.Path); err != nil {
		return fmt.Errorf("write %q: %w", f.Path, err)
	}
	return nil
}

// insideRoot tells whether a link's target, read as text, stays in the folder.
func insideRoot(link, target string) bool {
	if target == "" || path.IsAbs(target) || strings.ContainsRune(target, 0) || strings.Contains(target, `\`) && os.PathSeparator == '\\' {
		return false
	}
	clean := path.Join(path.Dir(link), target)
	return clean != ".." && !strings.HasPrefix(clean, "../")
}

func leaves(link, target string) error {
	return &problem{kind: KindInvalid, err: fmt.Errorf("the symbolic link %q leads out of the action, to %q: it is refused", link, clip(target))}
}

// checkLinks follows every link when all stand: "a -> b/../.." looks harmless
// as text, but is not when b is a link itself.
func checkLinks(root *os.Root, files []fileEntry) error {
	for _, f := range files {
		if f.Mode != modeLink {
			continue
		}
		if _, err := root.Stat(f.Path); err != nil && !errors.Is(err, fs.ErrNotExist) && !isLoop(err) {
			target, _ := root.Readlink(f.Path)
			return leaves(f.Path, target)
		}
	}
	return nil
}

// objectReader reads objects through one git process.
type objectReader struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	close func()
}

func openObjects(ctx context.Context, git gitCommand) (*objectReader, error) {
	cmd := git.command(ctx, "cat-file", "--batch")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, gitProblem("cat-file", err, "")
	}
	return &objectReader{cmd: cmd, in: in, out: bufio.NewReaderSize(out, 64<<10), close: func() {
		in.Close()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
	}}, nil
}

// copy writes one object and checks that it is the one that was listed.
func (o *objectReader) copy(f *fileEntry, w io.Writer) error {
	if _, err := io.WriteString(o.in, f.ID+"\n"); err != nil {
		return err
	}
	head, err := o.out.ReadString('\n')
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("%s blob %d", f.ID, f.Size); strings.TrimSuffix(head, "\n") != want {
		return fmt.Errorf("git has %q instead of %q", strings.TrimSpace(head), want)
	}
	if _, err := io.CopyN(w, o.out, f.Size); err != nil {
		return err
	}
	_, err = o.out.Discard(1)
	return err
}
