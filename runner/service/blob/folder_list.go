package blob

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"
	"time"
)

func (f *Folder) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		if err := checkPrefix(prefix); err != nil {
			yield(Info{}, err)
			return
		}
		folder, _ := path.Split(prefix)
		if err := f.list(ctx, path.Clean(folder+"."), prefix, yield); err != nil && !isStop(err) {
			yield(Info{}, fmt.Errorf("list blobs %q: %w", prefix, err))
		}
	}
}

// list walks by hand, for the order of the keys: "a.b" comes before "a/b",
// though the folder "a" comes before the file "a.b".
func (f *Folder) list(ctx context.Context, folder, prefix string, yield func(Info, error) bool) error {
	entries, err := fs.ReadDir(f.root.FS(), folder)
	if err != nil {
		if isGone(err) {
			return nil // deleted meanwhile, or never there
		}
		return err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(asKey(a), asKey(b)) })
	for _, d := range entries {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		name := path.Join(folder, d.Name())
		switch {
		case strings.HasPrefix(d.Name(), "."):
		case d.IsDir() && (strings.HasPrefix(name+"/", prefix) || strings.HasPrefix(prefix, name+"/")):
			if err := f.list(ctx, name, prefix, yield); err != nil {
				return err
			}
		case d.Type().IsRegular() && strings.HasPrefix(name, prefix):
			info, err := d.Info()
			if isGone(err) {
				continue
			}
			if err != nil {
				return err
			}
			if !yield(Info{Key: name, Size: info.Size(), Modified: info.ModTime()}, nil) {
				return errStop
			}
		}
	}
	return nil
}

func asKey(d fs.DirEntry) string {
	if d.IsDir() {
		return d.Name() + "/"
	}
	return d.Name()
}

// Changed is when a name in the folder of that key prefix last came or went;
// zero when there is no such folder.
func (f *Folder) Changed(folder string) time.Time {
	if checkKey(folder) != nil {
		return time.Time{}
	}
	info, err := f.root.Stat(folder)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
