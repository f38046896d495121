package githubtest

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"crypto/sha1" //nolint:gosec // what git names objects by
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

const zeroSHA = "0000000000000000000000000000000000000000"

// gitDir is a bare git repository: objects are read through one long git process
// and written as loose files, everything else is done by the git program.
type gitDir struct {
	path string

	mu  sync.Mutex
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// initGit makes a bare repository. One that borrows has the objects of others too.
func initGit(path, head string, borrow ...string) (*gitDir, error) {
	for _, d := range []string{"objects/info", "objects/pack", "refs/heads", "refs/tags"} {
		if err := os.MkdirAll(filepath.Join(path, d), 0o755); err != nil {
			return nil, err
		}
	}
	config := "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n" +
		"[receive]\n\thideRefs = refs/pull\n\tautogc = false\n\tadvertisePushOptions = true\n[gc]\n\tauto = 0\n[http]\n\treceivepack = true\n" +
		"[uploadpack]\n\tallowAnySHA1InWant = true\n\tallowFilter = true\n"
	files := map[string]string{"HEAD": "ref: refs/heads/" + head + "\n", "config": config}
	if len(borrow) > 0 {
		files["objects/info/alternates"] = strings.Join(borrow, "\n") + "\n"
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(path, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	return &gitDir{path: path}, nil
}

// gitEnv keeps the settings of the machine out.
func gitEnv(more ...string) []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
	}, more...)
}

// git runs the program in the repository and gives the lines that it prints.
func (d *gitDir) git(args ...string) (string, error) {
	out, err := d.raw(args...)
	return strings.TrimSuffix(string(out), "\n"), err
}

// raw gives all bytes that it prints.
func (d *gitDir) raw(args ...string) ([]byte, error) {
	cmd := exec.Command("git", append([]string{"-C", d.path}, args...)...)
	cmd.Env = gitEnv("GIT_DIR=" + d.path)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.Bytes(), fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(errs.Bytes()))
	}
	return out.Bytes(), nil
}

// object reads one by any name that git knows; false: there is none.
func (d *gitDir) object(name string) (sha, kind string, data []byte, found bool) {
	if name == "" || strings.ContainsAny(name, "\n\x00") {
		return "", "", nil, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cmd == nil {
		cmd := exec.Command("git", "cat-file", "--batch")
		cmd.Env = gitEnv("GIT_DIR=" + d.path)
		in, err := cmd.StdinPipe()
		if err != nil {
			return "", "", nil, false
		}
		out, err := cmd.StdoutPipe()
		if err != nil || cmd.Start() != nil {
			return "", "", nil, false
		}
		d.cmd, d.in, d.out = cmd, in, bufio.NewReader(out)
	}
	if _, err := io.WriteString(d.in, name+"\n"); err != nil {
		return "", "", nil, false
	}
	line, err := d.out.ReadString('\n')
	if err != nil {
		return "", "", nil, false
	}
	f := strings.Fields(line)
	if len(f) != 3 || strings.HasSuffix(line, " missing\n") || strings.HasSuffix(line, " ambiguous\n") {
		return "", "", nil, false
	}
	size, err := strconv.Atoi(f[2])
	if err != nil {
		return "", "", nil, false
	}
	data = make([]byte, size+1)
	if _, err := io.ReadFull(d.out, data); err != nil {
		return "", "", nil, false
	}
	return f[0], f[1], data[:size], true
}

// setRef moves a reference. Pushes to the repository must be kept out meanwhile.
func (d *gitDir) setRef(name, sha string) error {
	path := filepath.Join(d.path, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("move %s: %w", name, err) // a is a branch, so a/b cannot be one
	}
	temp := path + ".lock"
	if err := os.WriteFile(temp, []byte(sha+"\n"), 0o600); err != nil {
		return fmt.Errorf("move %s: %w", name, err)
	}
	return os.Rename(temp, path)
}

func (d *gitDir) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cmd != nil {
		_ = d.in.Close()
		_ = d.cmd.Wait()
		d.cmd = nil
	}
}

// write stores an object and names it.
func (d *gitDir) write(kind string, data []byte) (string, error) {
	all := append(fmt.Appendf(nil, "%s %d\x00", kind, len(data)), data...)
	sum := sha1.Sum(all) //nolint:gosec // as above
	sha := hex.EncodeToString(sum[:])
	path := filepath.Join(d.path, "objects", sha[:2], sha[2:])
	if _, err := os.Stat(path); err == nil {
		return sha, nil
	}
	var packed bytes.Buffer
	z, _ := zlib.NewWriterLevel(&packed, zlib.BestSpeed)
	if _, err := z.Write(all); err != nil {
		return "", err
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), "tmp")
	if err != nil {
		return "", err
	}
	_, err = temp.Write(packed.Bytes())
	if closing := temp.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	return sha, err
}

// entry is a line of a tree.
type entry struct {
	mode, name, sha string
}

func (e entry) isTree() bool { return e.mode == "40000" }

// entries are the lines of a tree; false: there is no such tree.
func (d *gitDir) entries(tree string) ([]entry, bool) {
	_, kind, data, found := d.object(tree)
	if !found || kind != "tree" {
		return nil, false
	}
	var all []entry
	for len(data) > 0 {
		mode, rest, ok1 := bytes.Cut(data, []byte(" "))
		name, rest, ok2 := bytes.Cut(rest, []byte{0})
		if !ok1 || !ok2 || len(rest) < 20 {
			return nil, false
		}
		all = append(all, entry{string(mode), string(name), hex.EncodeToString(rest[:20])})
		data = rest[20:]
	}
	return all, true
}

// writeTree stores a tree: an older one ("": none) with some files changed. A
// path leads to nil where a file goes away.
func (d *gitDir) writeTree(base string, changes map[string]*string) (string, error) {
	lines := map[string]entry{}
	if base != "" {
		old, _ := d.entries(base)
		for _, e := range old {
			lines[e.name] = e
		}
	}
	deeper := map[string]map[string]*string{}
	for path, content := range changes {
		name, rest, nested := strings.Cut(path, "/")
		switch {
		case nested:
			if deeper[name] == nil {
				deeper[name] = map[string]*string{}
			}
			deeper[name][rest] = content
		case content == nil:
			delete(lines, name)
		default:
			sha, err := d.write("blob", []byte(*content))
			if err != nil {
				return "", err
			}
			mode := "100644"
			if strings.HasPrefix(*content, "#!") {
				mode = "100755"
			}
			lines[name] = entry{mode, name, sha}
		}
	}
	for name, inside := range deeper {
		old := ""
		if lines[name].isTree() {
			old = lines[name].sha
		}
		sha, err := d.writeTree(old, inside)
		if err != nil {
			return "", err
		}
		if sha == "" {
			delete(lines, name)
			continue
		}
		lines[name] = entry{"40000", name, sha}
	}
	if len(lines) == 0 && base != "" {
		return "", nil
	}
	sorted := make([]entry, 0, len(lines))
	for _, e := range lines {
		sorted = append(sorted, e)
	}
	key := func(e entry) string {
		if e.isTree() {
			return e.name + "/" // git sorts trees so
		}
		return e.name
	}
	sort.Slice(sorted, func(a, b int) bool { return key(sorted[a]) < key(sorted[b]) })
	var data []byte
	for _, e := range sorted {
		raw, err := hex.DecodeString(e.sha)
		if err != nil {
			return "", err
		}
		data = append(fmt.Appendf(data, "%s %s\x00", e.mode, e.name), raw...)
	}
	return d.write("tree", data)
}

// writeCommit stores a commit.
func (d *gitDir) writeCommit(tree string, parents []string, by *Account, at time.Time, message string) (string, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "tree %s\n", tree)
	for _, p := range parents {
		fmt.Fprintf(&text, "parent %s\n", p)
	}
	who := fmt.Sprintf("%s <%s> %d +0000", by.Login, by.email(), at.Unix())
	fmt.Fprintf(&text, "author %s\ncommitter %s\n\n%s", who, who, message)
	if !strings.HasSuffix(message, "\n") {
		text.WriteByte('\n')
	}
	return d.write("commit", []byte(text.String()))
}

// signature is who did something when.
type signature struct {
	name, email string
	at          time.Time
}

// commit is a commit, read.
type commit struct {
	sha, tree         string
	parents           []string
	author, committer signature
	message           string
}

// commit reads the one that a name leads to.
func (d *gitDir) commit(name string) (*commit, bool) {
	sha, kind, data, found := d.object(name + "^{commit}")
	if !found || kind != "commit" || strings.HasPrefix(name, "-") {
		return nil, false
	}
	c := &commit{sha: sha}
	head, message, _ := strings.Cut(string(data), "\n\n")
	c.message = strings.TrimSuffix(message, "\n")
	for line := range strings.SplitSeq(head, "\n") {
		key, value, _ := strings.Cut(line, " ")
		switch key {
		case "tree":
			c.tree = value
		case "parent":
			c.parents = append(c.parents, value)
		case "author":
			c.author = parseSignature(value)
		case "committer":
			c.committer = parseSignature(value)
		}
	}
	return c, true
}

func parseSignature(text string) signature {
	name, rest, _ := strings.Cut(text, " <")
	email, rest, _ := strings.Cut(rest, "> ")
	seconds, _, _ := strings.Cut(rest, " ")
	n, _ := strconv.ParseInt(seconds, 10, 64)
	return signature{name, email, time.Unix(n, 0).UTC()}
}
