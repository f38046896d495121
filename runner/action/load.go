package action

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// FileNames are the files that make a folder an action, in the order of the
// search (actions/runner: ActionManager.cs).
var FileNames = []string{"action.yml", "action.yaml", "Dockerfile", "dockerfile"}

// maxManifest bounds what is read of a manifest.
const maxManifest = 1 << 20

// Load reads the action in the folder dir of fsys; "" and "." are its root. A
// Dockerfile alone makes a docker action.
func Load(fsys fs.FS, dir string) (*Action, error) {
	dir = path.Clean("./" + dir)
	for _, name := range FileNames {
		file := path.Join(dir, name)
		info, err := fs.Stat(fsys, file)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look for %q: %w", file, err)
		}
		if strings.EqualFold(name, "Dockerfile") {
			return &Action{File: file, Runs: Runs{Using: Docker, Image: name, PreIf: always, PostIf: always}}, nil
		}
		src, err := readFile(fsys, file, maxManifest)
		if err != nil {
			return nil, err
		}
		a, found := ParseManifest(file, src)
		if err := found.Err(); err != nil {
			return nil, err
		}
		return a, nil
	}
	return nil, &NoManifestError{Dir: dir}
}

// NoManifestError says that a folder is no action.
type NoManifestError struct{ Dir string }

// Error lists what was looked for.
func (e *NoManifestError) Error() string {
	where := fmt.Sprintf("in the folder %q", e.Dir)
	if e.Dir == "." {
		where = "in the root folder"
	}
	return fmt.Sprintf("find the action: none of %s is %s: check the path in uses", quoteList(FileNames), where)
}

func quoteList(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = "'" + name + "'"
	}
	return strings.Join(quoted, ", ")
}

// readFile reads at most limit bytes; a longer file is an error.
func readFile(fsys fs.FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", name, err)
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", name, err)
	}
	if int64(len(src)) > limit {
		return nil, fmt.Errorf("read %q: it is larger than the limit of %d bytes", name, limit)
	}
	return src, nil
}
