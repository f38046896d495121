package artifact

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/drydock-ci/drydock/runner/service/blob"
)

// maxParts bounds the files of one artifact that a job uploads at once, since
// each is an open file; the client does two.
const maxParts = 100

// putLoose takes a piece of a file: total bytes, of which body are those from
// first on, length of them. Pieces of one file come one after the other.
func (s *Service) putLoose(ctx context.Context, c *container, who string, file looseFile, first, length, total int64, body io.Reader) error {
	if s.maxBytes > 0 && total > s.maxBytes {
		return fmt.Errorf("%w: the file %q has %d bytes, limit %d", blob.ErrTooLarge, file.Path, total, s.maxBytes)
	}
	if first == 0 && length == total {
		file.Key = newFileKey(c.artifact, file.Gzip)
		if _, err := s.store.Put(ctx, file.Key, body, total); err != nil {
			return err
		}
		return s.settle(ctx, c, who, part{file: file, total: total})
	}
	p, err := s.partOf(ctx, c, who, file, first, total)
	if err != nil || p.upload == "" {
		return err
	}
	if err := s.uploads.PutRange(ctx, p.upload, first, body, length); err != nil {
		return err
	}
	if first+length < total {
		return nil
	}
	p.file.Key = newFileKey(c.artifact, p.file.Gzip)
	if _, err := s.uploads.Commit(ctx, p.upload, p.file.Key, total, ""); err != nil {
		return err
	}
	p.upload = ""
	return s.settle(ctx, c, who, p)
}

// partOf is the upload that a piece belongs to. The first piece begins one; a
// piece of a file that is whole came twice, since its answer was lost: then the
// part has no upload.
func (s *Service) partOf(ctx context.Context, c *container, who string, file looseFile, first, total int64) (part, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[who] == nil {
		return part{}, errEnded
	}
	old, known := c.open[who][file.Path]
	if first > 0 {
		if !known || old.total != total {
			return part{}, invalid(fmt.Errorf("the file %q has no upload of %d bytes that byte %d could belong to", file.Path, total, first))
		}
		return old, nil
	}
	if known {
		s.drop(ctx, old)
		delete(c.open[who], file.Path)
	}
	begun := 0
	for _, p := range c.open[who] {
		if p.upload != "" {
			begun++
		}
	}
	if begun >= maxParts {
		return part{}, failed(http.StatusForbidden, "resource_exhausted", "this job uploads %d files of artifact %q at once: more are not allowed", begun, c.artifact.Name)
	}
	id, err := s.uploads.Begin(who, s.maxBytes)
	if err != nil {
		return part{}, err
	}
	p := part{upload: id, total: total, file: file}
	c.open[who][file.Path] = p
	return p, nil
}

// settle notes a file that is whole.
func (s *Service) settle(ctx context.Context, c *container, who string, p part) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, known := c.open[who][p.file.Path]; known && old.file.Key != p.file.Key {
		s.drop(ctx, old)
	}
	if c.open[who] == nil {
		s.drop(ctx, p)
		return errEnded
	}
	c.open[who][p.file.Path] = p
	return nil
}

// drop removes what a part has left.
func (s *Service) drop(ctx context.Context, p part) {
	if p.upload != "" {
		s.uploads.Abort(p.upload)
	}
	if p.file.Key == "" {
		return
	}
	if err := s.store.Delete(ctx, p.file.Key); err != nil {
		s.log.Warn("remove a file of an artifact", "key", p.file.Key, "err", err)
	}
}
