package artifact

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/runner/service/blob"
	"github.com/drydock-ci/drydock/runner/service/token"
)

// maxPending bounds what one job may have begun and not finished, since each
// holds an open file. GitHub allows a job 500 artifacts in all.
const maxPending = 500

// pending is an artifact between CreateArtifact and FinalizeArtifact. It
// reserves its name; nobody sees it.
type pending struct {
	artifact  Artifact
	owner     string
	upload    blob.UploadID // "" while it is begun
	finishing bool
}

// create reserves a name and gives the URL to upload to.
func (s *Service) create(r *http.Request, g token.Grant, f fields) (any, error) {
	p, err := s.asked(g, f)
	if err != nil {
		return nil, err
	}
	ctx, key := r.Context(), p.artifact.recordKey()
	if err := s.reserve(key, p); err != nil {
		return nil, err
	}
	link, err := s.begin(ctx, r, g, p)
	if err != nil {
		s.release(key, p)
		return nil, err
	}
	return map[string]any{"ok": true, "signed_upload_url": link}, nil
}

// asked is the artifact that a CreateArtifact asks for.
func (s *Service) asked(g token.Grant, f fields) (*pending, error) {
	wanted, err := name(f)
	if err != nil {
		return nil, err
	}
	expires, err := f.time("expires_at")
	if err != nil {
		return nil, invalid(err)
	}
	kind, err := f.text("mime_type")
	if err != nil {
		return nil, invalid(err)
	}
	if kind == "" { // clients that send none know zips only
		kind = zipType
	}
	if kind, err = plainType(kind); err != nil {
		return nil, invalid(err)
	}
	now := s.now()
	latest := now.Add(s.retention)
	switch {
	case expires.IsZero() || expires.After(latest):
		expires = latest
	case !expires.After(now):
		return nil, invalid(fmt.Errorf("the artifact %q would expire at %s, which has passed", wanted, expires.Format(time.RFC3339)))
	}
	return &pending{owner: owner(g), artifact: Artifact{
		Repository: g.Repository, Run: g.Run, Attempt: g.Attempt, Job: g.Job,
		Name: wanted, ContentType: kind, Created: now.UTC(), Expires: expires.UTC(),
	}}, nil
}

// plainType is a media type that is safe to give back as a header.
func plainType(text string) (string, error) {
	kind, parameters, err := mime.ParseMediaType(text)
	if err == nil {
		if plain := mime.FormatMediaType(kind, parameters); plain != "" && len(plain) <= maxName {
			return plain, nil
		}
	}
	return "", fmt.Errorf("the media type %.80q is none", text)
}

// reserve takes the name for p, unless another upload has it that is alive.
func (s *Service) reserve(key string, p *pending) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.pending[key]; other != nil {
		if other.upload == "" || other.finishing {
			return exists(p.artifact.Name)
		}
		if _, err := s.uploads.Stat(other.upload); err == nil {
			return exists(p.artifact.Name)
		}
	}
	begun := 0
	for _, other := range s.pending {
		if other.owner == p.owner {
			begun++
		}
	}
	if begun >= maxPending {
		return failed(http.StatusForbidden, "resource_exhausted", "this job has begun %d artifacts and finished none of them: more are not allowed", begun)
	}
	s.pending[key] = p
	return nil
}

func (s *Service) release(key string, p *pending) {
	s.mu.Lock()
	if s.pending[key] == p {
		delete(s.pending, key)
	}
	s.mu.Unlock()
	if p.upload != "" {
		s.uploads.Abort(p.upload)
	}
}

func (s *Service) begin(ctx context.Context, r *http.Request, g token.Grant, p *pending) (string, error) {
	var old Artifact
	switch err := s.readJSON(ctx, p.artifact.recordKey(), maxRecord, &old); {
	case err == nil && !old.expired(s.now()):
		return "", exists(p.artifact.Name)
	case err == nil:
		if err := s.remove(ctx, old); err != nil {
			return "", err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	id, err := s.uploads.Begin(p.owner, s.maxBytes)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	p.upload = id
	alive := s.pending[p.artifact.recordKey()] == p
	s.mu.Unlock()
	if !alive { // the job has ended meanwhile
		return "", failed(http.StatusUnauthorized, "unauthenticated", "%s", token.ErrRevoked)
	}
	// The URL is good for as long as the job may run.
	return s.urls.Sign(r, URLClass, string(id), blob.Write, g.Expires.Sub(s.now()))
}

// finalize makes an artifact of what was uploaded, if size and hash agree.
func (s *Service) finalize(r *http.Request, g token.Grant, f fields) (any, error) {
	wanted, err := name(f)
	if err != nil {
		return nil, err
	}
	size, err := f.integer("size")
	if err != nil {
		return nil, invalid(err)
	}
	hash, err := f.text("hash")
	if err != nil {
		return nil, invalid(err)
	}
	if hash, err = sha256Of(hash); err != nil {
		return nil, invalid(err)
	}
	if size < 0 {
		return nil, invalid(fmt.Errorf("the size %d is negative", size))
	}
	// Once begun, an artifact is finished even if its client has gone: half of
	// the work would be left otherwise.
	ctx := context.WithoutCancel(r.Context())
	key := Artifact{Repository: g.Repository, Run: g.Run, Attempt: g.Attempt, Name: wanted}.recordKey()
	p, err := s.claim(key, owner(g))
	if err != nil {
		return nil, err
	}
	if p == nil {
		return s.finalizedBefore(ctx, g, key, wanted, size, hash)
	}
	id, err := s.finish(ctx, p, key, size, hash)
	switch {
	case err == nil:
		s.mu.Lock()
		delete(s.pending, key)
		s.mu.Unlock()
		return finalized(id), nil
	case asFailure(err).status == http.StatusInternalServerError: // which clients try again
		s.mu.Lock()
		p.finishing = false
		s.mu.Unlock()
	default: // a retry cannot help, and the name is free for another upload
		s.release(key, p)
	}
	return nil, err
}

func finalized(id int64) any {
	return map[string]any{"ok": true, "artifact_id": strconv.FormatInt(id, 10)}
}

// claim takes the job's own upload of a name; nil if there is none.
func (s *Service) claim(key, who string) (*pending, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pending[key]
	switch {
	case p == nil || p.owner != who || p.upload == "":
		return nil, nil
	case p.finishing:
		return nil, failed(http.StatusConflict, "aborted", "the artifact %q is being finished already", p.artifact.Name)
	}
	p.finishing = true
	return p, nil
}

// finalizedBefore answers a FinalizeArtifact that comes again because its
// answer was lost.
func (s *Service) finalizedBefore(ctx context.Context, g token.Grant, key, wanted string, size int64, hash string) (any, error) {
	var a Artifact
	err := s.readJSON(ctx, key, maxRecord, &a)
	if err == nil && a.Job == g.Job && a.Size == size && a.Digest == withAlgorithm(hash) {
		return finalized(a.ID), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return nil, notFound("this job has begun no upload of an artifact with the name %q", wanted)
}

func (s *Service) finish(ctx context.Context, p *pending, key string, size int64, hash string) (int64, error) {
	a := p.artifact
	id, err := s.claimID(ctx, key)
	if err != nil {
		return 0, err
	}
	a.ID, a.Digest = id, withAlgorithm(hash)
	err = s.keep(ctx, p.upload, &a, key, size, hash)
	if err != nil {
		for _, left := range []string{a.contentKey(), idKey(id)} {
			if err := s.store.Delete(ctx, left); err != nil {
				s.log.Warn("remove an unfinished artifact", "run", a.Run, "key", left, "err", err)
			}
		}
		return 0, err
	}
	return id, nil
}

func (s *Service) keep(ctx context.Context, upload blob.UploadID, a *Artifact, key string, size int64, hash string) error {
	info, err := s.uploads.Commit(ctx, upload, a.contentKey(), size, hash)
	if err != nil {
		return fmt.Errorf("finish artifact %q: %w", a.Name, err)
	}
	a.Size = info.Size
	text, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("finish artifact %q: %w", a.Name, err)
	}
	// Exactly one wins, also among several servers on one store.
	_, err = s.store.Create(ctx, key, text)
	if errors.Is(err, fs.ErrExist) {
		return exists(a.Name)
	}
	return err
}

// sha256Of is the hex of "sha256:<hex>"; "" for a client that sends no hash.
func sha256Of(hash string) (string, error) {
	if hash == "" {
		return "", nil
	}
	text, ok := strings.CutPrefix(hash, "sha256:")
	if raw, err := hex.DecodeString(text); !ok || err != nil || len(raw) != 32 {
		return "", fmt.Errorf("the hash %.80q is not of the form sha256:<64 hexadecimal digits>", hash)
	}
	return strings.ToLower(text), nil
}

func withAlgorithm(hash string) string {
	if hash == "" {
		return ""
	}
	return "sha256:" + hash
}
