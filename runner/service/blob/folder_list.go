package blob

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"path"
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

// list walks by hand: fs.WalkDir would go into folders that cannot match, and
// its order is not that of the keys ("a.b" before "a/b").
func (f *Folder) list(ctx context.Context, folder, prefix string, yield func(Info, error) bool) error {
	return fs.WalkDir(f.root.FS(), folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			if isGone(err) {
				return nil // deleted meanwhile, or never there
			}
			return err
		}
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if name != "." && strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			if name != "." && !strings.HasPrefix(name, prefix) && !strings.HasPrefix(prefix, name+"/") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasPrefix(name, prefix) || !d.Type().IsRegular() {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			if isGone(err) {
				return nil
			}
			return err
		}
		if !yield(Info{Key: name, Size: info.Size(), Modified: info.ModTime()}, nil) {
			return errStop
		}
		return nil
	})
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
