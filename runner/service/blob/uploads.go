package blob

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// UploadID names an upload; it cannot be guessed.
type UploadID string

// Uploads are blobs that are being written. They live in memory and in a staging
// folder, and end with the process.
//
// An upload is written in one of three ways: whole (Put), as blocks and their
// list (PutBlock, PutBlockList), or as ranges (PutRange). Commit then makes a
// blob of it. All methods may be called at once.
type Uploads struct {
	store   Store
	folder  *Folder // the store, if it can take over a staged file as it is
	staging *staging
	root    *os.Root // of a staging folder that is not the store's
	maxSize int64
	idle    time.Duration
	log     *slog.Logger

	mu  sync.Mutex
	all map[UploadID]*upload
}

// UploadOptions says where uploads are written. Only Store must be given, and
// Dir unless the store is a Folder.
type UploadOptions struct {
	Store   Store
	Dir     string        // a folder for what is not whole yet; a Folder store has its own
	MaxSize int64         // of one upload, unless Begin says less; 0: no limit
	Idle    time.Duration // after this time without a byte an upload may be swept; 0: 30 minutes
	Log     *slog.Logger
}

// Upload is what is known of an upload.
type Upload struct {
	ID          UploadID
	Owner       string
	Size        int64 // of what was put so far
	Sealed      bool  // whole: Put or PutBlockList has ended
	ContentType string
	Active      time.Time // when the last bytes came
}

// NewUploads makes the place for uploads.
func NewUploads(o UploadOptions) (*Uploads, error) {
	u := &Uploads{store: o.Store, maxSize: o.MaxSize, idle: o.Idle, log: o.Log, all: map[UploadID]*upload{}}
	if u.log == nil {
		u.log = slog.New(slog.DiscardHandler)
	}
	if u.idle <= 0 {
		u.idle = 30 * time.Minute
	}
	if f, ok := o.Store.(*Folder); ok {
		u.folder, u.staging = f, f.staging
		return u, nil
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder for uploads %q: %w", o.Dir, noSpace(err))
	}
	root, err := os.OpenRoot(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("open folder for uploads %q: %w", o.Dir, err)
	}
	if u.staging, err = openStaging(root, u.log); err != nil {
		root.Close()
		return nil, fmt.Errorf("open folder for uploads %q: %w", o.Dir, err)
	}
	u.root = root
	return u, nil
}

// Begin starts an upload. The owner is what AbortOwner ends at once, a job for
// example; maxSize bounds it in bytes, 0 leaves that to the options.
func (u *Uploads) Begin(owner string, maxSize int64) (UploadID, error) {
	u.sweep(time.Now())
	file, name, err := u.staging.create()
	if err != nil {
		return "", fmt.Errorf("begin an upload: %w", err)
	}
	if maxSize <= 0 || u.maxSize > 0 && maxSize > u.maxSize {
		maxSize = u.maxSize
	}
	up := &upload{
		id: UploadID(strings.ToLower(rand.Text())), owner: owner, max: maxSize, staging: u.staging,
		file: file, name: name, blocks: map[string]span{},
	}
	up.touch()
	u.mu.Lock()
	defer u.mu.Unlock()
	u.all[up.id] = up
	return up.id, nil
}

func (u *Uploads) find(id UploadID) (*upload, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if up := u.all[id]; up != nil {
		return up, nil
	}
	return nil, fmt.Errorf("upload %q: %w", id, ErrUnknown)
}

// Stat tells how far an upload is.
func (u *Uploads) Stat(id UploadID) (Upload, error) {
	up, err := u.find(id)
	if err != nil {
		return Upload{}, err
	}
	return up.stat(), nil
}

// Active is when the last bytes of an upload came; ok is false if there is no
// such upload. Other than Stat it never waits for one that is being joined.
func (u *Uploads) Active(id UploadID) (last time.Time, ok bool) {
	up, err := u.find(id)
	if err != nil {
		return time.Time{}, false
	}
	return up.lastActive(), true
}

// SetContentType notes what the client says of the content.
func (u *Uploads) SetContentType(id UploadID, contentType string) error {
	up, err := u.find(id)
	if err != nil {
		return err
	}
	up.mu.Lock()
	defer up.mu.Unlock()
	up.contentType = contentType
	return nil
}

// Put writes the whole blob, size bytes (-1: to the end of r), and replaces what was put before.
func (u *Uploads) Put(ctx context.Context, id UploadID, r io.Reader, size int64) error {
	up, err := u.find(id)
	if err != nil {
		return err
	}
	return up.describe("put", up.put(ctx, r, size))
}

// PutBlock writes a block; one of the same name is replaced.
func (u *Uploads) PutBlock(ctx context.Context, id UploadID, block string, r io.Reader, size int64) error {
	up, err := u.find(id)
	if err != nil {
		return err
	}
	return up.describe("put a block", up.putBlock(ctx, block, r, size))
}

// PutBlockList makes the blob of the blocks, in this order.
func (u *Uploads) PutBlockList(_ context.Context, id UploadID, blocks []string) error {
	up, err := u.find(id)
	if err != nil {
		return err
	}
	return up.describe("put the block list", up.putBlockList(blocks))
}

// PutRange writes length bytes at offset. Ranges may overlap and come in any order.
func (u *Uploads) PutRange(ctx context.Context, id UploadID, offset int64, r io.Reader, length int64) error {
	up, err := u.find(id)
	if err != nil {
		return err
	}
	return up.describe("put a range", up.putRange(ctx, offset, r, length))
}

// Commit makes a blob of the upload under key and ends it. size is how long it
// must be (-1: as long as it is), sha256 its digest in hex ("": not checked).
// After an error the upload is still there, unless it was not before.
func (u *Uploads) Commit(ctx context.Context, id UploadID, key string, size int64, sha256 string) (Info, error) {
	if err := checkKey(key); err != nil {
		return Info{}, err
	}
	up, err := u.find(id)
	if err != nil {
		return Info{}, err
	}
	up.mu.Lock()
	defer up.mu.Unlock()
	info, err := u.commit(ctx, up, key, size, sha256)
	if err != nil {
		return Info{}, up.describe("commit", err)
	}
	u.forget(id)
	return info, nil
}

func (u *Uploads) commit(ctx context.Context, up *upload, key string, size int64, want string) (Info, error) {
	total, err := up.complete()
	if err != nil {
		return Info{}, err
	}
	if size >= 0 && size != total {
		return Info{}, fmt.Errorf("%w: %d bytes were put, %d announced", ErrSize, total, size)
	}
	if err := up.file.Truncate(total); err != nil { // blocks that no list named may lie behind it
		return Info{}, noSpace(err)
	}
	digest := ""
	if want != "" {
		if digest, err = fileDigest(ctx, up.file, total); err != nil {
			return Info{}, err
		}
		if !strings.EqualFold(digest, want) {
			return Info{}, fmt.Errorf("%w: sha256 is %s, announced %s", ErrDigest, digest, want)
		}
	}
	info, err := u.hand(ctx, up, key, total)
	info.SHA256 = digest
	return info, err
}

// hand gives the file to the store; the upload takes nothing more, whatever comes of it.
func (u *Uploads) hand(ctx context.Context, up *upload, key string, size int64) (Info, error) {
	if u.folder == nil {
		info, err := u.store.Put(ctx, key, io.NewSectionReader(up.file, 0, size), size)
		if err != nil {
			return Info{}, err
		}
		up.discard()
		return info, nil
	}
	up.ended = true
	up.file.Close()
	info, err := u.folder.adopt(ctx, up.name, key)
	if err != nil {
		u.forget(up.id)
	}
	return info, err
}

func fileDigest(ctx context.Context, file *os.File, size int64) (string, error) {
	h := sha256.New()
	if _, err := copyBuffer(h, withContext(ctx, io.NewSectionReader(file, 0, size))); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (u *Uploads) forget(id UploadID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.all, id)
}

// Abort ends an upload and removes what was put; one that is not there is no error.
func (u *Uploads) Abort(id UploadID) {
	u.mu.Lock()
	up := u.all[id]
	delete(u.all, id)
	u.mu.Unlock()
	if up != nil {
		up.abort()
	}
}

// AbortOwner ends all uploads of an owner and says how many.
func (u *Uploads) AbortOwner(owner string) int {
	return u.abortAll(func(up *upload) bool { return up.owner == owner })
}

// sweep ends the uploads that got no byte for the idle time.
func (u *Uploads) sweep(now time.Time) int {
	return u.abortAll(func(up *upload) bool { return now.Sub(up.lastActive()) > u.idle })
}

func (u *Uploads) abortAll(which func(*upload) bool) int {
	var ended []*upload
	u.mu.Lock()
	for id, up := range u.all {
		if which(up) {
			ended = append(ended, up)
			delete(u.all, id)
		}
	}
	u.mu.Unlock()
	for _, up := range ended {
		up.abort()
	}
	return len(ended)
}

// Close ends all uploads.
func (u *Uploads) Close() error {
	u.abortAll(func(*upload) bool { return true })
	if u.root == nil {
		return nil
	}
	defer u.root.Close()
	return u.staging.close()
}
