package cache

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io/fs"
	"time"

	"github.com/drydock-ci/drydock/runner/service/blob"
)

// reservation is an entry that is being written: nobody else can write the same.
type reservation struct {
	identity
	owner   string
	number  int64 // its id in version 1
	upload  blob.UploadID
	begun   time.Time
	saving  bool
	release func() // of the lock among processes
}

// locker is what a store has whose users can lock each other out.
type locker interface {
	TryLock(name string) (release func(), ok bool, err error)
}

// reserve begins an entry.
func (s *Service) reserve(ctx context.Context, a access, key, version string) (*reservation, error) {
	if err := errors.Join(checkKey(key), checkVersion(version)); err != nil {
		return nil, failed(invalidArgument, "%s", err)
	}
	if a.write == "" {
		return nil, failed(permissionDenied, "%s", a.why)
	}
	r := &reservation{
		identity: identity{a.repository, a.write, version, key},
		owner:    a.owner, number: randomNumber(), begun: s.now(), release: func() {},
	}
	if !s.claim(r) {
		return nil, failed(alreadyExists, "cache %q is being saved by another job: it already exists", key)
	}
	if err := s.begin(ctx, r); err != nil {
		s.drop(r)
		return nil, err
	}
	return r, nil
}

// claim enters the reservation unless a living one stands for the same.
func (s *Service) claim(r *reservation) bool {
	var dead []*reservation
	defer func() {
		for _, d := range dead {
			s.end(d)
		}
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, old := range s.reserved {
		if !s.alive(old) {
			dead = append(dead, old)
			delete(s.reserved, id)
		}
	}
	if s.reserved[r.identity] != nil {
		return false
	}
	s.reserved[r.identity] = r
	return true
}

func (s *Service) alive(r *reservation) bool {
	if r.saving || r.upload == "" && s.now().Sub(r.begun) < reservationIdle {
		return true
	}
	active, ok := s.uploads.Active(r.upload)
	return ok && s.now().Sub(active) < reservationIdle
}

// begin makes sure that the entry is nowhere yet, and starts its upload.
func (s *Service) begin(ctx context.Context, r *reservation) error {
	release := func() {}
	if l, ok := s.store.(locker); ok {
		free, ok, err := l.TryLock("cache " + r.indexKey())
		if err != nil {
			return err
		}
		if !ok {
			return failed(alreadyExists, "cache %q is being saved by another run: it already exists", r.key)
		}
		release = free
	}
	upload, err := s.startUpload(ctx, r)
	if err != nil {
		release()
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.upload, r.release = upload, release
	if s.reserved[r.identity] != r { // its job has ended meanwhile
		s.uploads.Abort(upload)
		release()
		return failed(notFound, "the job has ended")
	}
	return nil
}

func (s *Service) startUpload(ctx context.Context, r *reservation) (blob.UploadID, error) {
	_, err := s.index.entry(ctx, r.identity)
	switch {
	case err == nil:
		return "", failed(alreadyExists, "cache %q already exists for this ref and version", r.key)
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	return s.uploads.Begin(r.owner, s.maxEntry)
}

// find gives the job's own reservation, and marks it so that only one request saves it.
func (s *Service) find(a access, which func(*reservation) bool, saving bool) (*reservation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.reserved {
		if r.owner != a.owner || r.repository != a.repository || r.scope != a.write || r.upload == "" || !which(r) {
			continue
		}
		if r.saving {
			return nil, failed(failedBefore, "cache %q is being saved already", r.key)
		}
		r.saving = saving
		return r, nil
	}
	return nil, failed(notFound, "this job has reserved no such cache, or the reservation has ended")
}

// drop ends a reservation and removes what was put.
func (s *Service) drop(r *reservation) {
	s.mu.Lock()
	if s.reserved[r.identity] == r {
		delete(s.reserved, r.identity)
	}
	s.mu.Unlock()
	s.end(r)
}

// end is for reservations that are in the list no more.
func (s *Service) end(r *reservation) {
	s.mu.Lock()
	upload, release := r.upload, r.release
	r.release = func() {}
	s.mu.Unlock()
	if upload != "" {
		s.uploads.Abort(upload)
	}
	release()
}

func randomNumber() int64 {
	var b [8]byte
	rand.Read(b[:])
	return int64(binary.BigEndian.Uint64(b[:])>>12) | 1
}
