package artifact

import (
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/drydock-ci/drydock/runner/service/blob"
	"github.com/drydock-ci/drydock/runner/service/token"
)

// looseFile is one file of an artifact of the old protocol.
type looseFile struct {
	Path string `json:"path"` // below the artifact, with forward slashes
	Key  string `json:"key"`
	Size int64  `json:"size"` // uncompressed
	Gzip bool   `json:"gzip,omitempty"`
}

// container is an artifact of the old protocol that somebody uploads to. Jobs
// that upload under one name fill one container; what a job uploads is seen
// when the job says that it has finished.
type container struct {
	mu       sync.Mutex
	artifact Artifact
	stored   bool                       // the artifact can be seen
	closed   bool                       // no job uses it any more
	files    map[string]looseFile       // what can be seen, by path
	open     map[string]map[string]part // by job that uploads, then path
}

// part is a file that is being uploaded.
type part struct {
	upload blob.UploadID // "" when all of it is there
	total  int64
	file   looseFile
}

func (a Artifact) listKey() string { return a.folder() + "files.json" }

var errEnded = failed(http.StatusUnauthorized, "unauthenticated", "%s", token.ErrRevoked)

// newFileKey is a key that nobody can guess; its end says whether the file is
// compressed, so that it can be served without the list of all files.
func newFileKey(a Artifact, packed bool) string {
	key := a.folder() + strings.ToLower(rand.Text())
	if packed {
		key += packedEnd
	}
	return key
}

const packedEnd = "-gz"

// openContainer finds or makes the container of a name.
func (s *Service) openContainer(ctx context.Context, g token.Grant, a Artifact) (*container, error) {
	key := a.recordKey()
	s.mu.Lock()
	c := s.loose[key]
	if c == nil {
		c = &container{open: map[string]map[string]part{}}
		s.loose[key] = c
	}
	s.mu.Unlock()

	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed { // the last job that used it has just ended
		return nil, failed(http.StatusServiceUnavailable, "unavailable", "the artifact %q is being put away: try again", a.Name)
	}
	if c.open[owner(g)] == nil {
		c.open[owner(g)] = map[string]part{}
	}
	if c.artifact.ID != 0 && !c.artifact.expired(s.now()) {
		return c, nil
	}
	var err error
	if a, err = s.restoreContainer(ctx, c, a); err != nil {
		return nil, err
	}
	c.artifact = a
	s.mu.Lock()
	s.containers[a.ID] = c
	s.mu.Unlock()
	return c, nil
}

// restoreContainer fills c with what an earlier process has kept, or numbers a
// new artifact. c.mu is held.
func (s *Service) restoreContainer(ctx context.Context, c *container, a Artifact) (Artifact, error) {
	c.files, c.stored = map[string]looseFile{}, false
	var old Artifact
	err := s.readJSON(ctx, a.recordKey(), maxRecord, &old)
	if err == nil && !old.expired(s.now()) {
		files, err := s.looseFiles(ctx, old)
		if err != nil {
			return a, err
		}
		for _, file := range files {
			c.files[file.Path] = file
		}
		c.stored = true
		return old, nil
	}
	if err == nil {
		err = s.remove(ctx, old)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return a, err
	}
	a.ID, err = s.claimID(ctx, a.recordKey())
	return a, err
}

// looseFiles is the list of files that was kept with an artifact, by path.
func (s *Service) looseFiles(ctx context.Context, a Artifact) ([]looseFile, error) {
	var files []looseFile
	if err := s.readJSON(ctx, a.listKey(), maxFiles, &files); err != nil {
		return nil, fmt.Errorf("files of artifact %q: %w", a.Name, err)
	}
	return files, nil
}

// finishLoose makes what a job has uploaded a part of the artifact. Files of
// the same path replace those of before: artifacts of the old protocol merge.
func (s *Service) finishLoose(ctx context.Context, c *container, who string) (Artifact, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	files := maps.Clone(c.files)
	var replaced []part
	for path, p := range c.open[who] {
		if p.upload != "" {
			return Artifact{}, failed(http.StatusBadRequest, "invalid_argument", "the file %q of artifact %q is not complete", path, c.artifact.Name)
		}
		if old, ok := files[path]; ok {
			replaced = append(replaced, part{file: old})
		}
		files[path] = p.file
	}
	a := c.artifact
	a.Files, a.Size = len(files), 0
	list := make([]looseFile, 0, len(files))
	for _, path := range slices.Sorted(maps.Keys(files)) {
		list = append(list, files[path])
		a.Size += files[path].Size
	}
	for _, kept := range []struct {
		key  string
		what any
	}{{a.listKey(), list}, {a.recordKey(), a}} {
		text, err := json.Marshal(kept.what)
		if err != nil {
			return Artifact{}, fmt.Errorf("finish artifact %q: %w", a.Name, err)
		}
		if _, err := s.store.Put(ctx, kept.key, strings.NewReader(string(text)), int64(len(text))); err != nil {
			return Artifact{}, fmt.Errorf("finish artifact %q: %w", a.Name, err)
		}
	}
	c.files, c.artifact, c.stored = files, a, true
	c.open[who] = map[string]part{}
	for _, p := range replaced {
		s.drop(ctx, p)
	}
	return a, nil
}

// abandonLoose forgets what a job has uploaded and not finished, and the
// container itself when no other job uses it: what it held is in the store.
func (s *Service) abandonLoose(ctx context.Context, c *container, who string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[who] == nil {
		return
	}
	for _, p := range c.open[who] {
		s.drop(ctx, p)
	}
	delete(c.open, who)
	if len(c.open) > 0 {
		return
	}
	c.closed = true
	s.mu.Lock()
	delete(s.containers, c.artifact.ID)
	delete(s.loose, c.artifact.recordKey())
	s.mu.Unlock()
	if !c.stored {
		if err := s.store.Delete(ctx, idKey(c.artifact.ID)); err != nil {
			s.log.Warn("remove an unfinished artifact", "id", c.artifact.ID, "err", err)
		}
	}
}

// openLoose reads a file of that key, uncompressed if it is packed and that is
// wanted.
func (s *Service) openLoose(ctx context.Context, key string, unpack bool) (io.ReadCloser, error) {
	body, err := s.store.Open(ctx, key, 0, -1)
	if err != nil || !unpack || !strings.HasSuffix(key, packedEnd) {
		return body, err
	}
	unpacked, err := gzip.NewReader(body)
	if err != nil {
		body.Close()
		return nil, fmt.Errorf("unpack %q: %w", key, err)
	}
	return struct {
		io.Reader
		io.Closer
	}{unpacked, body}, nil
}
