package vault

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// readFolder reads the files of an owner: those of the organisation first, then
// the repository's. Names of owners and repositories come from GitHub, so nothing
// but a plain name is looked up. Files that are no names of secrets are skipped,
// hidden ones too: clusters mount Secrets with such beside them.
func readFolder(folder string, o Owner) (map[string]string, error) {
	values := map[string]string{}
	for _, path := range []string{o.OrganizationName, filepath.Join(o.OrganizationName, o.RepositoryName)} {
		if o.OrganizationName == "" || path != o.OrganizationName && o.RepositoryName == "" {
			continue
		}
		if !plainName(o.OrganizationName) || path != o.OrganizationName && !plainName(o.RepositoryName) {
			return nil, fmt.Errorf("read secrets of %q: it is no name of a repository", path)
		}
		dir := filepath.Join(folder, path)
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read secrets of %q: %w", path, err)
		}
		for _, e := range entries {
			name, err := store.SecretName(e.Name())
			if err != nil || e.Name()[0] == '.' {
				continue
			}
			info, err := os.Stat(filepath.Join(dir, e.Name())) // a mounted Secret is a link
			if err != nil || !info.Mode().IsRegular() {
				continue
			}
			value, err := readFile(filepath.Join(dir, e.Name()))
			if err != nil {
				return nil, err
			}
			values[name] = value
		}
	}
	return values, nil
}

func plainName(s string) bool {
	return s != "" && s != "." && s != ".." && !strings.ContainsAny(s, "/\\\x00")
}

func readFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read a secret: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return "", fmt.Errorf("read secret %q: %w", path, err)
	}
	if len(data) > MaxBytes {
		return "", fmt.Errorf("read secret %q: it is larger than %d bytes", path, MaxBytes)
	}
	// An editor's line break at the end is not meant.
	return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"), nil
}
