package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
)

// Store keeps finished blobs under keys of our own. All methods may be called at
// once from anywhere, also by several processes on one folder or bucket.
// A key that is not there is an error that is fs.ErrNotExist.
type Store interface {
	// Put stores what r gives, size bytes of it (-1: to its end), and replaces what
	// was there. The blob is visible only when it is whole.
	Put(ctx context.Context, key string, r io.Reader, size int64) (Info, error)
	// Create stores a small blob unless the key is taken: of any number of callers
	// exactly one wins, the others' error is fs.ErrExist.
	Create(ctx context.Context, key string, data []byte) (Info, error)
	// Open reads length bytes from offset on; a length of -1 is all to the end.
	// What is read stays whole when the blob is deleted or replaced meanwhile.
	Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)
	Stat(ctx context.Context, key string) (Info, error)
	// Touch makes Modified now.
	Touch(ctx context.Context, key string) error
	// Delete removes the blob; one that is not there is no error.
	Delete(ctx context.Context, key string) error
	// List gives all blobs whose key begins with prefix, in the order of their
	// keys; the first error ends it.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
}

// Info is what a store knows of a blob.
type Info struct {
	Key      string
	Size     int64
	Modified time.Time
	SHA256   string // lower-case hex; only from Uploads.Commit, when a digest was asked for
}

// Errors that callers tell apart; what is returned wraps them.
var (
	ErrNoSpace     = errors.New("no space left on the disk")
	ErrTooLarge    = errors.New("larger than allowed")
	ErrIncomplete  = errors.New("not complete") // bytes are missing, or the body ended early
	ErrSize        = errors.New("not the announced size")
	ErrDigest      = errors.New("not the announced digest")
	ErrBlockList   = errors.New("invalid block list")
	ErrBlock       = errors.New("invalid block")
	ErrSealed      = errors.New("exists already")
	ErrUnknown     = errors.New("no such upload") // never begun, ended or aborted
	ErrStillActive = errors.New("still being written")
)

const (
	maxKey     = 512
	maxSegment = 200
)

// checkKey accepts segments of [a-z0-9._-] that do not begin with a dot, joined by "/".
func checkKey(key string) error {
	if key == "" || len(key) > maxKey {
		return fmt.Errorf("key %.40q...: must have 1 to %d characters", key, maxKey)
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "" || segment[0] == '.' || len(segment) > maxSegment {
			return fmt.Errorf("key %q: a segment is empty, too long or begins with a dot", key)
		}
	}
	return checkLetters(key)
}

// checkPrefix accepts what a key may begin with, also nothing.
func checkPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	if last := prefix[strings.LastIndexByte(prefix, '/')+1:]; last == "" {
		return checkKey(prefix[:len(prefix)-1])
	}
	return checkKey(prefix)
}

func checkLetters(key string) error {
	for i := range len(key) {
		switch c := key[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '.', c == '_', c == '-', c == '/':
		default:
			return fmt.Errorf("key %q: character %q is not allowed", key, c)
		}
	}
	return nil
}
