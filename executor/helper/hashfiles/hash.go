package hashfiles

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Query is one call of hashFiles.
type Query struct {
	Workspace      string // absolute; files outside are left out
	Patterns       []string
	FollowSymlinks bool
	Home           string // for a leading ~
}

// Hash is the sha256 of the sha256 sums of the files, in hex, and empty when
// no file matches.
func Hash(ctx context.Context, q Query) (string, error) {
	total := sha256.New()
	found := false
	buf := make([]byte, 128<<10)
	err := Walk(ctx, q, func(file string) error {
		fi, err := os.Stat(file)
		if err != nil {
			return err
		}
		if fi.IsDir() {
			return nil // a link to a folder that is not followed
		}
		sum, err := hashFile(ctx, file, fi, buf)
		if err != nil {
			return err
		}
		total.Write(sum)
		found = true
		return nil
	})
	if err != nil || !found {
		return "", err
	}
	return hex.EncodeToString(total.Sum(nil)), nil
}

func hashFile(ctx context.Context, file string, fi fs.FileInfo, buf []byte) ([]byte, error) {
	if !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("hash %q: it is not a file", file)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	for {
		n, err := f.Read(buf)
		h.Write(buf[:n])
		if err == io.EOF {
			return h.Sum(nil), nil
		}
		if err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// item is a path on the stack of the search.
type item struct {
	path  string
	names []string // the path's parts
	level int
}

// Walk calls f for each file of the workspace that matches, in the order in
// which GitHub's runner hashes them: roots in the order of the patterns, then
// depth first, names in byte order (internal-globber.ts: globGenerator).
func Walk(ctx context.Context, q Query, f func(file string) error) error {
	workspace := filepath.ToSlash(filepath.Clean(q.Workspace))
	if !path.IsAbs(workspace) {
		return fmt.Errorf("workspace %q: the path is not absolute", q.Workspace)
	}
	patterns, err := parse(q.Patterns, workspace, q.Home)
	if err != nil {
		return err
	}
	below := strings.TrimSuffix(workspace, "/") + "/"
	var chain []string // real paths of the folders above, against cycles
	var stack []item
	roots := searchPaths(patterns)
	slices.Reverse(roots)
	for _, root := range roots {
		if _, err := os.Lstat(root); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
		stack = append(stack, item{root, split(root), 1})
	}
	for len(stack) > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		it := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		files, may := fit(patterns, it.names)
		if !may || !(strings.HasPrefix(it.path, below) || strings.HasPrefix(below, strings.TrimSuffix(it.path, "/")+"/")) {
			// What is neither below nor above the workspace cannot count.
			continue
		}
		dir, skip, err := isDir(it, q.FollowSymlinks, &chain)
		if err != nil {
			return err
		}
		if skip {
			continue
		}
		if !dir {
			if files && strings.HasPrefix(it.path, below) {
				if err := f(it.path); err != nil {
					return err
				}
			}
			continue
		}
		names, err := list(it.path)
		if err != nil {
			return err
		}
		for _, name := range slices.Backward(names) {
			stack = append(stack, item{
				path.Join(it.path, name), append(it.names[:len(it.names):len(it.names)], name), it.level + 1,
			})
		}
	}
	return nil
}

func split(p string) []string {
	if p == "/" {
		return nil
	}
	return strings.Split(p[1:], "/")
}

// fit tells whether a file at the path counts, and whether to look at the
// path at all (internal-pattern-helper.ts: match, partialMatch).
func fit(patterns []pattern, names []string) (file, may bool) {
	dir := false
	for i := range patterns {
		p := &patterns[i]
		if !p.matches(names) {
			continue
		}
		dir = !p.negate
		if !p.dirsOnly {
			file = !p.negate
		}
	}
	if file || dir {
		return file, true
	}
	for i := range patterns {
		if !patterns[i].negate && patterns[i].mayContain(names) {
			return false, true
		}
	}
	return false, false
}

// searchPaths are the literal beginnings, without those inside another one
// (internal-pattern-helper.ts: getSearchPaths).
func searchPaths(patterns []pattern) []string {
	all := map[string]bool{}
	for _, p := range patterns {
		if !p.negate {
			all[p.root] = true
		}
	}
	var result []string
	for _, p := range patterns {
		if p.negate || slices.Contains(result, p.root) || hasAncestor(all, p.root) {
			continue
		}
		result = append(result, p.root)
	}
	return result
}

func hasAncestor(all map[string]bool, p string) bool {
	for p != "/" {
		p = path.Dir(p)
		if all[p] {
			return true
		}
	}
	return false
}

// isDir looks at a path; skip is set for a broken link and for a cycle.
func isDir(it item, follow bool, chain *[]string) (dir, skip bool, err error) {
	if !follow {
		fi, err := os.Lstat(it.path)
		if err != nil {
			return false, false, err
		}
		return fi.IsDir(), false, nil
	}
	fi, err := os.Stat(it.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, true, nil
	}
	if err != nil || !fi.IsDir() {
		return false, false, err
	}
	real, err := filepath.EvalSymlinks(it.path)
	if err != nil {
		return false, false, err
	}
	if len(*chain) >= it.level {
		*chain = (*chain)[:it.level-1]
	}
	if slices.Contains(*chain, real) {
		return false, true, nil
	}
	*chain = append(*chain, real)
	return true, false, nil
}

// list is the order of Node's readdir on Unix: by bytes.
func list(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}
