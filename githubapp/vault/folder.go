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

// readFolder reads the files of an owner, by level. Names of owners and
// repositories come from GitHub, so nothing but a plain name is looked up.
func readFolder(folder string, o Owner) (map[store.Level]map[string]string, error) {
	files := map[store.Level]map[string]string{}
	if o.OrganizationName == "" {
		return files, nil
	}
	paths := map[store.Level][]string{store.Organization: {o.OrganizationName}}
	if o.RepositoryName != "" {
		paths[store.Repository] = []string{o.OrganizationName, o.RepositoryName}
	}
	for level, names := range paths {
		for _, name := range names {
			if !plainName(name) {
				return nil, fmt.Errorf("read secrets of %q: it is no name of an account or a repository", name)
			}
		}
		var err error
		if files[level], err = readFiles(filepath.Join(folder, filepath.Join(names...))); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// readFiles reads each file whose name a secret can have. Others are skipped,
// hidden ones too: clusters mount Secrets with such beside them.
func readFiles(dir string) (map[string]string, error) {
	values := map[string]string{}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return values, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read a folder of secrets: %w", err)
	}
	for _, e := range entries {
		name, err := store.SecretName(e.Name())
		if err != nil {
			continue
		}
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path) // a mounted Secret is a link
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if values[name], err = readFile(path); err != nil {
			return nil, err
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
