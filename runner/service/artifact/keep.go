package artifact

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/drydock-ci/drydock/runner/service/token"
)

// List is what a run has made, by either protocol, oldest first. The run is
// what GITHUB_RUN_ID says.
func (s *Service) List(ctx context.Context, run string) ([]Artifact, error) {
	all, err := s.records(ctx, runPrefix(run))
	return slices.DeleteFunc(all, func(a Artifact) bool { return a.Run != run }), err
}

// Keeps tells whether the run has made an artifact that another one can read.
func (s *Service) Keeps(ctx context.Context, repository, run string) bool {
	all, err := s.ofRun(ctx, repository, run, "")
	return err == nil && len(all) > 0
}

// find is the newest artifact of that name in a run; the error of an unknown
// one is fs.ErrNotExist.
func (s *Service) find(ctx context.Context, run, name string) (Artifact, error) {
	all, err := s.List(ctx, run)
	if err != nil {
		return Artifact{}, err
	}
	for _, a := range slices.Backward(all) {
		if a.Name == name {
			return a, nil
		}
	}
	return Artifact{}, fmt.Errorf("run %s has no artifact with the name %q: %w", run, name, fs.ErrNotExist)
}

// Open reads the content of an artifact: the zip or the file that was uploaded;
// of single files (old protocol) a zip is made while it is read. The caller
// closes it.
func (s *Service) Open(ctx context.Context, run, name string) (io.ReadCloser, Artifact, error) {
	a, err := s.find(ctx, run, name)
	if err != nil {
		return nil, Artifact{}, err
	}
	if !a.Loose {
		body, err := s.store.Open(ctx, a.contentKey(), 0, -1)
		return body, a, err
	}
	files, err := s.looseFiles(ctx, a)
	if err != nil {
		return nil, Artifact{}, err
	}
	read, write := io.Pipe()
	go func() { write.CloseWithError(s.zip(ctx, write, files)) }()
	return read, a, nil
}

func (s *Service) zip(ctx context.Context, to io.Writer, files []looseFile) error {
	archive := zip.NewWriter(to)
	for _, file := range files {
		if err := s.zipOne(ctx, archive, file); err != nil {
			return fmt.Errorf("pack %q: %w", file.Path, err)
		}
	}
	return archive.Close()
}

func (s *Service) zipOne(ctx context.Context, archive *zip.Writer, file looseFile) error {
	into, err := archive.Create(file.Path)
	if err != nil {
		return err
	}
	body, err := s.openLoose(ctx, file.Key, true)
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.Copy(into, body)
	return err
}

// Delete removes an artifact of a run, of several attempts the last one's.
func (s *Service) Delete(ctx context.Context, run, name string) error {
	a, err := s.find(ctx, run, name)
	if err != nil {
		return err
	}
	return s.remove(ctx, a)
}

// Forget removes what a job has made in this attempt, since it begins again: a
// name can be given once. Single files of the old protocol are replaced one by
// one, and other jobs may have added to them.
func (s *Service) Forget(ctx context.Context, g token.Grant) error {
	all, err := s.ofRun(ctx, g.Repository, g.Run, "")
	errs := []error{err}
	for _, a := range all {
		if a.Attempt == g.Attempt && a.Job == g.Job {
			errs = append(errs, s.remove(ctx, a))
		}
	}
	return errors.Join(errs...)
}
