package runner

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/runner/command"
)

// artifactsList is the field of the github context, and with GITHUB_ before it
// the variable, that names the file of what the job has declared so far.
const artifactsList = "artifacts_list"

// listFile is the file of GITHUB_ARTIFACTS_LIST for the process of a step; what
// that writes to it is ignored.
func (x *execution) listFile(r *stepRun) executor.File {
	data, err := command.ArtifactsList(r.scope.artifacts)
	if err != nil { // strings alone are in it
		x.noteInfra(err)
	}
	return executor.File{Path: r.gh.files[artifactsList], Data: data, Mode: 0o666}
}

// declareArtifacts takes what a step wrote into GITHUB_ARTIFACTS: all of it or,
// if one line is wrong, nothing (actions/runner: CreateArtifactsFileCommand.cs).
func (o *output) declareArtifacts(data []byte) error {
	subjects, err := command.ParseArtifacts(data)
	if err != nil {
		return err
	}
	for i := range subjects {
		s := &subjects[i]
		if s.Kind != command.SubjectFile {
			continue
		}
		file := o.x.inWorkspace(o.x.fromContainer(s.Path))
		if s.Digest, err = o.x.digest(file); err != nil {
			return fmt.Errorf("process file command \"artifacts\", line %d: %q: %w", s.Line, s.Path, err)
		}
		s.Name = path.Base(file)
	}
	var known []command.Subject
	if o.scope != nil {
		known = o.scope.artifacts
	}
	known, err = command.AddSubjects(known, o.effects.Artifacts)
	if err != nil {
		return err
	}
	all, err := command.AddSubjects(known, subjects)
	if err != nil {
		return err
	}
	if n := len(all) - len(known); n > 0 {
		o.effects.Artifacts = append(o.effects.Artifacts, all[len(known):]...)
		o.plain(fmt.Sprintf("%d artifacts of this step are noted, %d of the job so far", n, len(all)))
	}
	return nil
}

// declare adds what a step declared. Two steps of the background may have
// declared one name with two digests: the first stays.
func (s *scope) declare(subjects []command.Subject) {
	for _, subject := range subjects {
		if all, err := command.AddSubjects(s.artifacts, []command.Subject{subject}); err == nil {
			s.artifacts = all
		}
	}
}

// digest is the sha256 of a regular file of the place.
func (x *execution) digest(file string) (string, error) {
	r, err := x.env.CopyOut(x.life, file)
	if err != nil {
		return "", notThere(err)
	}
	defer r.Close()
	t := tar.NewReader(r)
	h, err := t.Next()
	switch {
	case errors.Is(err, io.EOF):
		return "", notThere(nil)
	case err != nil:
		return "", notThere(err)
	case h.Typeflag != tar.TypeReg:
		return "", errors.New("it is no regular file")
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, t); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}

func notThere(err error) error {
	if err == nil || executor.IsKind(err, executor.NotFound) {
		return errors.New("there is no such file (relative paths begin at the workspace)")
	}
	return err
}
