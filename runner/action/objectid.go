package action

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"sort"
	"strings"
)

// The modes of git's trees.
const (
	modeFile       = "100644"
	modeExecutable = "100755"
	modeLink       = "120000"
	modeSubmodule  = "160000"
	modeTree       = "40000"
)

// newHash is the hash behind ids as long as like.
func newHash(like string) hash.Hash {
	if len(like) == 64 {
		return sha256.New()
	}
	return sha1.New()
}

// objectID is the id that git gives to an object.
func objectID(like, kind string, size int64, content io.Reader) (string, error) {
	h := newHash(like)
	fmt.Fprintf(h, "%s %d\x00", kind, size)
	n, err := io.Copy(h, content)
	if err != nil {
		return "", err
	}
	if n != size {
		return "", fmt.Errorf("%d bytes instead of %d", n, size)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// treeID is the id of the tree that holds the files: with it, ids of files
// are bound to the id of a commit.
func treeID(like string, files []fileEntry) (string, error) {
	type item struct{ mode, name, id string }
	var items []item
	folders := map[string][]fileEntry{}
	for _, f := range files {
		folder, rest, nested := strings.Cut(f.Path, "/")
		if nested {
			f.Path = rest
			folders[folder] = append(folders[folder], f)
			continue
		}
		items = append(items, item{f.Mode, f.Path, f.ID})
	}
	for name, inner := range folders {
		id, err := treeID(like, inner)
		if err != nil {
			return "", err
		}
		items = append(items, item{modeTree, name, id})
	}
	// git sorts a folder as if its name ended in a slash.
	key := func(i item) string {
		if i.mode == modeTree {
			return i.name + "/"
		}
		return i.name
	}
	sort.Slice(items, func(a, b int) bool { return key(items[a]) < key(items[b]) })
	var content strings.Builder
	for _, i := range items {
		raw, err := hex.DecodeString(i.id)
		if err != nil {
			return "", fmt.Errorf("the id %q of %q: %w", i.id, i.name, err)
		}
		content.WriteString(i.mode + " " + i.name + "\x00")
		content.Write(raw)
	}
	return objectID(like, "tree", int64(content.Len()), strings.NewReader(content.String()))
}
