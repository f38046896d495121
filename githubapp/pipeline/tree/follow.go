package tree

import (
	"context"
	"fmt"
	"path"
	"strings"
)

// Link is a symlink of a tree.
type Link struct{ Path, Target string }

// NowhereError says that a path leads out of the repository, round in a circle or
// through a symlink that no system can have.
type NowhereError struct{ Path, problem string }

// Error names the path.
func (e *NowhereError) Error() string { return fmt.Sprintf("%s %s", e.Path, e.problem) }

// Follow resolves the symlinks in a path, which need not exist, and gives those
// that it went through. The index is that of the tree.
func Follow(ctx context.Context, t Tree, index Index, name string) (real string, links []Link, err error) {
	for range 40 { // as many as Linux follows
		link, rest, err := firstLink(ctx, t, index, name)
		if err != nil {
			return "", links, err
		}
		if link.Path == "" {
			return name, links, nil
		}
		links = append(links, link)
		to := path.Join(path.Dir(link.Path), link.Target)
		if path.IsAbs(link.Target) || to == ".." || strings.HasPrefix(to, "../") {
			return "", links, &NowhereError{link.Path, "is a symlink out of the repository"}
		}
		name = path.Join(to, rest)
	}
	return "", links, &NowhereError{name, "leads through symlinks in a circle"}
}

// firstLink finds the first part of a path that is a symlink.
func firstLink(ctx context.Context, t Tree, index Index, name string) (link Link, rest string, err error) {
	for at := 0; at < len(name); at++ {
		next := strings.IndexByte(name[at:], '/')
		if next < 0 {
			next = len(name) - at
		}
		at += next
		if f, ok := index.Lookup(name[:at]); ok && f.Mode == Symlink {
			target, err := t.Read(ctx, f.Path)
			if Unreadable(err) {
				err = &NowhereError{f.Path, "is no symlink that can be followed"}
			}
			return Link{f.Path, string(target)}, name[at:], err
		}
	}
	return link, "", nil
}
