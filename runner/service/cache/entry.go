package cache

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// Entry is one finished cache.
type Entry struct {
	Repository string    `json:"repository"` // owner/name, lower-case
	Scope      string    `json:"scope"`      // the full ref whose run wrote it
	Key        string    `json:"key"`
	Version    string    `json:"version"` // a hash of paths and compression, opaque
	Size       int64     `json:"size"`    // bytes
	Created    time.Time `json:"created"`
	By         string    `json:"by,omitempty"` // the run, attempt and job that wrote it
	Blob       string    `json:"blob"`
	Used       time.Time `json:"-"` // about when it was last asked for; from List only
}

// ID is the entry's number for clients; it fits into a JavaScript number.
func (e Entry) ID() int64 {
	return e.identity().number()
}

func (e Entry) identity() identity {
	return identity{e.Repository, e.Scope, e.Version, e.Key}
}

// identity is what there is one entry of.
type identity struct {
	repository, scope, version, key string
}

func (i identity) sum() [sha256.Size]byte {
	h := sha256.New()
	for _, part := range []string{i.repository, i.scope, i.version, i.key} {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write([]byte(part))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func (i identity) number() int64 {
	sum := i.sum()
	return int64(binary.BigEndian.Uint64(sum[:8])>>12) | 1 // 52 bits, never 0
}

// Keys of the store. Names of clients appear in them only as hashes.
const (
	indexRoot = "index/"
	blobRoot  = "blobs/"
)

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

func repositoryPrefix(repository string) string { return indexRoot + hash(repository) + "/" }

func scopePrefix(repository, scope string) string {
	return repositoryPrefix(repository) + hash(scope) + "/"
}

func (i identity) indexKey() string {
	sum := i.sum()
	return scopePrefix(i.repository, i.scope) + hex.EncodeToString(sum[:20]) + ".json"
}

func newBlobKey(repository string) string {
	return blobRoot + hash(repository) + "/" + strings.ToLower(rand.Text())
}

var blobID = regexp.MustCompile(`^[0-9a-f]{32}\.[a-z0-9]{26}$`)

// blobURLID is the blob's key as part of a signed URL, and back.
func blobURLID(key string) string {
	return strings.Replace(strings.TrimPrefix(key, blobRoot), "/", ".", 1)
}

func blobKeyOf(id string) (string, bool) {
	return blobRoot + strings.Replace(id, ".", "/", 1), blobID.MatchString(id)
}

// parseEntry reads a file of the index, and does not believe it more than need be.
func parseEntry(indexKey string, text []byte) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(text, &e); err != nil {
		return Entry{}, fmt.Errorf("read cache entry %q: %w", indexKey, err)
	}
	if e.identity().indexKey() != indexKey {
		return Entry{}, fmt.Errorf("read cache entry %q: it belongs to another place", indexKey)
	}
	if _, ok := blobKeyOf(blobURLID(e.Blob)); !ok || path.Dir(e.Blob) != blobRoot+hash(e.Repository) {
		return Entry{}, fmt.Errorf("read cache entry %q: its blob %q is not of its repository", indexKey, e.Blob)
	}
	return e, nil
}

// Limits of GitHub's service.
const (
	maxKeyLength = 512 // characters
	maxKeys      = 10
)

func checkKey(key string) error {
	switch {
	case key == "":
		return failed(invalidArgument, "the key is empty")
	case len(key) > 4*maxKeyLength || utf8.RuneCountInString(key) > maxKeyLength:
		return failed(invalidArgument, "key %.60q... has more than %d characters", key, maxKeyLength)
	case strings.Contains(key, ","):
		return failed(invalidArgument, "key %q holds a comma", key)
	case !utf8.ValidString(key):
		return failed(invalidArgument, "key %q is not UTF-8", key)
	}
	return nil
}

func checkVersion(version string) error {
	if version == "" || len(version) > maxKeyLength || !utf8.ValidString(version) {
		return failed(invalidArgument, "version %.60q must have 1 to %d characters", version, maxKeyLength)
	}
	return nil
}
