package images

import (
	"fmt"
	"io/fs"
	"path/filepath"
)

// inside is where a path of the repository really is. A link may not lead out: what
// lies elsewhere on this machine is nobody's to put into an image.
func inside(folder, name string) (string, error) {
	top, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return "", err
	}
	at := filepath.Join(top, filepath.FromSlash(name))
	real, err := filepath.EvalSymlinks(at)
	if err != nil {
		if pathError, ok := err.(*fs.PathError); ok { //nolint:errorlint // of EvalSymlinks itself
			err = pathError.Err
		}
		return "", fmt.Errorf("%q: %w", name, err)
	}
	if rel, err := filepath.Rel(top, real); err != nil || !filepath.IsLocal(rel) {
		return "", fmt.Errorf("%q is a link that leads out of the repository", name)
	}
	return real, nil
}
