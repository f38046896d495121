package affected

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/pipeline/tree"
)

// links makes inputs of what the symlinks at, above and below a folder point to.
func (d *decider) links(ctx context.Context, r *rules, what, folder string) error {
	targets, err := d.targets(ctx, r, folder, func(string) bool { return true })
	if err != nil {
		return err
	}
	for _, t := range targets {
		r.add(func(file string) string {
			if overlap(t.to, file) {
				return fmt.Sprintf("%s %s, by the symlink %s", what, folder, t.link)
			}
			return ""
		})
	}
	return nil
}

// target is where a symlink leads to.
type target struct{ link, to string }

// Bounds of what is followed: more is a doubt. One link can be in reach of every
// source of a Dockerfile.
const (
	maxSymlinks = 100_000 // of a repository
	maxFollowed = 10_000  // for a service
)

// targets follows the symlinks that overlap a folder and that wanted lets pass, and
// those in what they point to. Builders take the folder for the root of everything,
// git and ko do not: both readings count.
func (d *decider) targets(ctx context.Context, r *rules, folder string, wanted func(link string) bool) ([]target, error) {
	if len(d.symlinks) > maxSymlinks {
		r.links = maxFollowed + 1
	}
	if r.links > maxFollowed {
		r.lost()
		return nil, nil
	}
	var all []target
	links, reached := map[string]bool{}, map[string]bool{}
	waiting := []string{folder}
	for first := true; len(waiting) > 0; first = false {
		at := waiting[0]
		waiting = waiting[1:]
		candidates := []tree.File(d.symlinks.Below(at))
		for up := at; up != "."; up = path.Dir(up) {
			if f, ok := d.symlinks.Lookup(up); ok {
				candidates = append(candidates[:len(candidates):len(candidates)], f)
			}
		}
		for _, f := range candidates {
			if links[f.Path] || first && !wanted(f.Path) {
				continue
			}
			links[f.Path] = true
			if r.links++; r.links > maxFollowed {
				r.lost()
				return nil, nil
			}
			text, err := d.text(ctx, f.Path)
			if tree.Unreadable(err) {
				r.doubts = append(r.doubts, err.Error())
				continue
			}
			if errors.Is(err, fs.ErrNotExist) {
				continue // deleted in the working copy
			}
			if err != nil {
				return nil, err
			}
			for _, to := range leadsTo(folder, f.Path, text) {
				if !reached[to] {
					reached[to] = true
					all = append(all, target{f.Path, to})
					waiting = append(waiting, to)
				}
			}
		}
	}
	return all, nil
}

// lost notes once that not all symlinks are followed.
func (r *rules) lost() {
	const doubt = "there are too many symlinks to follow them all"
	if !slices.Contains(r.doubts, doubt) {
		r.doubts = append(r.doubts, doubt)
	}
}

// text is what a symlink says.
func (d *decider) text(ctx context.Context, link string) (string, error) {
	if text, ok := d.texts[link]; ok {
		return text, nil
	}
	text, err := d.Tree.Read(ctx, link)
	if err == nil {
		d.texts[link] = string(text)
	}
	return string(text), err
}

// leadsTo gives the paths in the repository that a symlink may mean: as git has it,
// and with root as the root of everything.
func leadsTo(root, link, text string) []string {
	var all []string
	if to := path.Join(path.Dir(link), text); !path.IsAbs(text) && to != ".." && !strings.HasPrefix(to, "../") {
		all = append(all, to)
	}
	inside := strings.TrimPrefix(path.Dir(link), root)
	if path.IsAbs(text) {
		inside = ""
	}
	if to := path.Join(root, path.Join("/", inside, text)); len(all) == 0 || all[0] != to {
		all = append(all, to)
	}
	return all
}
