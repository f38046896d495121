package build

import (
	"io/fs"

	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"
)

// checkout gives the builder a folder as git would check it out: what a umask, a file
// system or somebody's chmod left of the other modes shall not change the digest.
// Times stay as they are: by them the builder knows what it has already, and in
// images there is none of them.
func checkout(dir string) (fsutil.FS, error) {
	f, err := fsutil.NewFS(dir)
	if err != nil {
		return nil, err
	}
	return fsutil.NewFilterFS(f, &fsutil.FilterOpt{Map: asChecked})
}

// asChecked sets the modes that git has: 755 for folders and programs of their
// owner, 644 for other files.
func asChecked(_ string, s *types.Stat) fsutil.MapResult {
	mode := fs.FileMode(s.Mode)
	switch {
	case mode.IsDir(), mode.IsRegular() && mode&0o100 != 0:
		s.Mode = uint32(mode.Type() | 0o755)
	case mode.IsRegular():
		s.Mode = uint32(mode.Type() | 0o644)
	}
	s.Xattrs = nil
	return fsutil.MapResultKeep
}
