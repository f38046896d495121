package local

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// gitFolder is where git keeps a repository.
type gitFolder struct {
	git    string // HEAD and index of this working copy
	common string // everything else; the same folder but for a worktree
}

// packGit writes a .git that stands on its own, also for worktrees and
// submodules, whose files lie elsewhere, and for clones that borrow objects.
// Hooks, locks and half-written files stay out, and of the configuration
// comes only what does not name this machine's programs, files or credentials.
func packGit(ctx context.Context, t *tarball, root, prefix string, folder gitFolder) error {
	config, err := portableConfig(ctx, root)
	if err != nil {
		return err
	}
	worktree := !sameFolder(folder.git, folder.common)
	if worktree && bytes.Contains(config, []byte("refstorage")) {
		return nil // its references are spread over two databases that only git can join
	}
	t.prefix = prefix
	if err := t.header("", gitDirectory); err != nil {
		return err
	}
	if err := t.header("objects", gitDirectory); err != nil {
		return err
	}
	// References go before objects: a commit that is made meanwhile then
	// lacks its reference, not the other way round.
	skip := func(name string, d fs.DirEntry) bool {
		return name == "objects" || machineOnly(name, d) || worktree && ofWorktree(name)
	}
	if err := t.below(folder.common, prefix, skip); err != nil {
		return err
	}
	if err := t.bytes("config", config); err != nil {
		return err
	}
	if worktree {
		err := t.below(folder.git, prefix, func(name string, d fs.DirEntry) bool {
			return machineOnly(name, d) || name == "commondir" || name == "gitdir" || name == "locked" || name == "refs"
		})
		if err != nil {
			return err
		}
	}
	return packObjects(t, filepath.Join(folder.common, "objects"), path.Join(prefix, "objects"))
}

var gitDirectory = tar.Header{Typeflag: tar.TypeDir, Mode: 0o755}

// machineOnly names what makes no sense in another place, by path below .git.
func machineOnly(name string, d fs.DirEntry) bool {
	switch name {
	case "hooks", "config", "config.worktree", "worktrees", "modules", "lfs/tmp", "gc.pid", "gc.log",
		"objects/info/alternates", "fsmonitor--daemon", "fsmonitor--daemon.ipc", "FETCH_HEAD":
		return true
	}
	base := path.Base(name)
	return strings.HasSuffix(base, ".lock") && !d.IsDir() ||
		strings.HasPrefix(name, "objects/") && (strings.HasPrefix(base, "tmp_") || strings.HasPrefix(base, "incoming-"))
}

// ofWorktree names what each worktree has for itself (gitrepository-layout(5)).
func ofWorktree(name string) bool {
	switch name {
	case "HEAD", "index", "ORIG_HEAD", "logs/HEAD", "MERGE_HEAD", "MERGE_MSG", "MERGE_MODE", "AUTO_MERGE",
		"CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG", "COMMIT_EDITMSG", "rebase-merge", "rebase-apply", "info/sparse-checkout":
		return true
	}
	return strings.HasPrefix(name, "refs/bisect") || strings.HasPrefix(name, "refs/worktree") || strings.HasPrefix(name, "sharedindex.")
}

// packObjects writes the objects, and those that the repository borrows from
// others (git clone --shared, --reference), their own borrowings too.
func packObjects(t *tarball, objects, prefix string) error {
	seen := map[string]bool{}
	queue := []string{objects}
	for len(queue) > 0 {
		objects, queue = queue[0], queue[1:]
		if seen[objects] || len(seen) > maxAlternates {
			continue
		}
		own := len(seen) == 0
		seen[objects] = true
		err := t.below(objects, prefix, func(name string, d fs.DirEntry) bool {
			return machineOnly("objects/"+name, d) || !own && (name == "info" || strings.HasPrefix(name, "pack/multi-pack-index"))
		})
		if err != nil && (own || !errors.Is(err, fs.ErrNotExist)) {
			return err
		}
		queue = append(queue, borrowed(objects)...)
	}
	return nil
}

// maxAlternates bounds how many folders of objects one repository borrows from.
const maxAlternates = 32

// borrowed reads the list of other folders of objects.
func borrowed(objects string) []string {
	data, err := os.ReadFile(filepath.Join(objects, "info", "alternates"))
	if err != nil {
		return nil
	}
	var dirs []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if !filepath.IsAbs(line) {
			line = filepath.Join(objects, line)
		}
		dirs = append(dirs, filepath.Clean(line))
	}
	return dirs
}

// portable are the keys that are kept.
var portable = regexp.MustCompile(`^(core\.(repositoryformatversion|filemode|ignorecase|symlinks|precomposeunicode|autocrlf|eol|safecrlf|sparsecheckout|sparsecheckoutcone|logallrefupdates)` +
	`|extensions\.(objectformat|refstorage|partialclone|noop)` +
	`|remote\..*\.(url|fetch|tagopt|promisor|partialclonefilter)` +
	`|branch\..*\.(remote|merge|rebase)` +
	`|submodule\..*\.(url|active|update)|submodule\.active)$`)

// portableConfig is the repository's own configuration without what belongs
// to this machine: credentials and headers, programs, included files.
func portableConfig(ctx context.Context, root string) ([]byte, error) {
	out, err := git(ctx, root, "config", "--local", "-z", "--list", "--no-includes")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("[core]\n\tbare = false\n")
	for _, record := range records(out) {
		key, value, ok := strings.Cut(record, "\n")
		if !portable.MatchString(key) {
			continue
		}
		first, last := strings.Index(key, "."), strings.LastIndex(key, ".")
		section, name := key[:first], key[last+1:]
		if strings.HasPrefix(key, "submodule.") && name == "update" && strings.HasPrefix(value, "!") {
			continue // runs a program
		}
		b.WriteString("[" + section)
		if first != last {
			b.WriteString(` "` + escapeConfig(key[first+1:last]) + `"`)
		}
		b.WriteString("]\n\t" + name)
		if name == "url" {
			value = withoutCredentials(value)
		}
		if ok {
			b.WriteString(` = "` + escapeConfig(value) + `"`)
		}
		b.WriteString("\n")
	}
	return b.Bytes(), nil
}

func escapeConfig(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`).Replace(s)
}
