package vault

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const keyBytes = 32

// Keys are those that may have sealed something, the one that seals first.
type Keys struct{ all []key }

type key struct {
	id     [4]byte // in front of what it sealed
	secret [keyBytes]byte
}

// String keeps keys out of logs.
func (k Keys) String() string { return fmt.Sprintf("%d keys", len(k.all)) }

// GoString keeps keys out of logs.
func (k Keys) GoString() string { return k.String() }

// ParseKeys reads keys as they are written: one in a line, 32 bytes in base64, the
// newest first. Empty lines and those that begin with # are skipped. Its errors
// repeat nothing of the text.
func ParseKeys(text string) (Keys, error) {
	var keys Keys
	n := 0
	for line := range strings.Lines(text) {
		n++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(raw) != keyBytes {
			return Keys{}, fmt.Errorf("read the vault's keys: line %d is not 32 bytes in base64", n)
		}
		k := key{secret: [keyBytes]byte(raw)}
		sum := sha256.Sum256(raw)
		copy(k.id[:], sum[:])
		keys.all = append(keys.all, k)
	}
	if len(keys.all) == 0 {
		return Keys{}, errors.New("read the vault's keys: there is none")
	}
	return keys, nil
}

// NewKey is the text of a new key.
func NewKey() string {
	var raw [keyBytes]byte
	_, _ = rand.Read(raw[:]) // it never fails: crypto/rand
	return base64.StdEncoding.EncodeToString(raw[:])
}

// LoadKeys reads the keys of a file, which nobody but its owner (and, as clusters
// mount Secrets, its group) may read.
func LoadKeys(path string) (Keys, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Keys{}, fmt.Errorf("read the vault's keys: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o027 != 0 {
		return Keys{}, fmt.Errorf("read the vault's keys, %q: others can read or change it (mode %#o): chmod 600 it", path, mode)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return Keys{}, fmt.Errorf("read the vault's keys: %w", err)
	}
	return ParseKeys(string(data))
}

// MakeKeys makes the file with a new key if there is none, and reads it.
func MakeKeys(path string) (Keys, error) {
	keys, err := LoadKeys(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Keys{}, fmt.Errorf("make the vault's key: %w", err)
	}
	// Two first starts at once must agree: the link fails for the second.
	f, err := os.CreateTemp(filepath.Dir(path), ".vault-*")
	if err != nil {
		return Keys{}, fmt.Errorf("make the vault's key: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(NewKey() + "\n")
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		if err = os.Link(f.Name(), path); errors.Is(err, fs.ErrExist) {
			err = nil
		}
	}
	if err != nil {
		return Keys{}, fmt.Errorf("make the vault's key: %w", err)
	}
	return LoadKeys(path)
}
