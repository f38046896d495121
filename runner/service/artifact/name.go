package artifact

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxName    = 255  // bytes of an artifact's name, and of a part of a path
	maxPath    = 4096 // bytes of a path inside an artifact
	refused    = `":<>|*?`
	separators = `/\`
)

// checkName refuses what GitHub's clients refuse, and what no file system of a
// downloader could hold.
// actions/toolkit: packages/artifact/src/internal/upload/path-and-artifact-name-validation.ts
func checkName(name string) error {
	if err := checkPart("name", name); err != nil {
		return err
	}
	if i := strings.IndexAny(name, separators); i >= 0 {
		return fmt.Errorf("the artifact's name %q holds %q, which it must not", name, name[i:i+1])
	}
	return nil
}

// checkPart checks a name, or one part of a path.
func checkPart(what, text string) error {
	switch {
	case text == "":
		return fmt.Errorf("the artifact's %s is empty", what)
	case len(text) > maxName:
		return fmt.Errorf("the artifact's %s %.40q... has %d bytes, more than %d", what, text, len(text), maxName)
	case !utf8.ValidString(text):
		return fmt.Errorf("the artifact's %s %q is not UTF-8", what, text)
	case text == "." || text == "..":
		return fmt.Errorf("the artifact's %s must not be %q", what, text)
	}
	for _, r := range text {
		if unicode.IsControl(r) || strings.ContainsRune(refused, r) {
			return fmt.Errorf("the artifact's %s %q holds %q, which it must not", what, text, r)
		}
	}
	return nil
}

// cleanPath is a path inside an artifact with forward slashes, or an error for
// one that leaves the artifact or could not be written by a downloader.
func cleanPath(path string) (string, error) {
	if len(path) > maxPath {
		return "", fmt.Errorf("the path %.40q... has %d bytes, more than %d", path, len(path), maxPath)
	}
	path = strings.ReplaceAll(path, `\`, "/") // as Windows clients send it
	for part := range strings.SplitSeq(path, "/") {
		if err := checkPart("path", part); err != nil {
			return "", fmt.Errorf("path %q: %w", path, err)
		}
	}
	return path, nil
}
