package build

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/util/grpcerrors"
	"google.golang.org/grpc/codes"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/build/registry"
)

// Reasons of this package's errors, beside executor.OutOfMemory and those of
// package registry. A builder that does not answer is of kind
// executor.Unavailable; one that went away in a build is of kind executor.Lost.
const (
	BadDockerfile  executor.Reason = "Dockerfile"      // it does not parse, or is not there
	OutsideContext executor.Reason = "outside context" // what it copies is not in its context
	BadPlatform    executor.Reason = "platform"        // not one that can be built here
	StepFailed     executor.Reason = "step"            // what a RUN started has failed
	DiskFull       executor.Reason = "disk full"       // at the builder
)

var (
	notCopied  = regexp.MustCompile(`(?:failed to calculate checksum of ref [^ ]+: |^)"?(/[^"]*?)"?(?:: not found| not found: not found)$`)
	exitCode   = regexp.MustCompile(`(?:did not complete successfully|^executor failed running \[.*\]): exit code: (\d+)`)
	noManifest = regexp.MustCompile(`no match for platform in manifest|no matching manifest|does not provide the specified platform`)
	noBase     = regexp.MustCompile(`failed to resolve source metadata for (\S+?):? |^(\S+/\S+|\S+:\S+): not found$`)
)

// classify reads BuildKit's error. Most of what it says is text only.
func classify(r *Request, err error) *executor.Error {
	out := &executor.Error{Kind: executor.Failed}
	text := plainText(err)
	at, source := position(r, err)
	says := func(format string, args ...any) {
		out.Err = said{fmt.Sprintf(format, args...), err}
		if at != "" {
			out.Err = said{at + ": " + out.Err.Error(), err}
		}
	}
	says("%s", text)
	contains := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(text, p) {
				return true
			}
		}
		return false
	}
	code := grpcerrors.Code(err)
	switch {
	case contains("dockerfile parse error", "failed to parse dockerfile", "failed to parse stage", "the Dockerfile cannot be empty", "failed to read dockerfile",
		"target stage", "file with no instructions"):
		out.Kind, out.Reason = executor.Invalid, BadDockerfile
	case contains("is no public address", "denied by policy"):
		out.Kind, out.Hint = executor.Refused, "builds take nothing from the server's own network but registries that its operator named"
	case notCopied.MatchString(text):
		out.Kind, out.Reason = executor.Invalid, OutsideContext
		path := notCopied.FindStringSubmatch(text)[1]
		if strings.Contains(source, "../") {
			says("%s: it leads out of the context", strings.TrimSpace(source))
		} else {
			says("%q is not in the context", strings.TrimPrefix(path, "/"))
		}
		out.Hint = "paths are relative to the context, and what .dockerignore lists is not in it"
	case contains("cannot allocate memory", "out of memory"), code == codes.ResourceExhausted && contains("memory"):
		out.Reason, out.Hint = executor.OutOfMemory, "give the builder more memory, or build less at once"
	case contains("exec format error"):
		out.Kind, out.Reason, out.Hint = executor.Unsupported, BadPlatform, "the builder cannot run programs of that platform: cross-compile in a stage FROM --platform=$BUILDPLATFORM"
	case noManifest.MatchString(text):
		out.Kind, out.Reason, out.Hint = executor.Unsupported, BadPlatform, "its base image is not made for "+asked(r)
	case contains("no space left on device"):
		out.Reason, out.Hint = DiskFull, "make room at the builder"
	case exitCode.MatchString(text):
		out.Reason = StepFailed
		if exitCode.FindStringSubmatch(text)[1] == "137" {
			out.Reason, out.Hint = executor.OutOfMemory, "it was killed, mostly for want of memory: give the builder more"
		}
	case contains("insufficient_scope", "authorization failed", "401 Unauthorized", "403 Forbidden", "failed to authorize"):
		out.Kind, out.Reason, out.Hint = executor.Refused, registry.WrongCredentials, "log in to the registry of the base image, if it exists"
	case noBase.MatchString(text) && contains("not found"):
		out.Kind, out.Hint = executor.NotFound, "check the name of the base image"
	case noBase.MatchString(text):
		out.Hint = "the registry of the base image must be reachable from the builder"
	case contains("secret "), contains("no SSH key", "unset ssh forward key"):
		out.Kind = executor.Invalid
	case code == codes.Unavailable && !contains("server preface") && contains("error reading from server", "EOF", "closing", "connection reset", "GOAWAY"):
		out.Kind, out.Hint = executor.Lost, "the builder ended in the middle, perhaps for want of memory: look at its log"
	case code == codes.Unavailable, contains("connection refused", "failed to dial", "error while dialing"):
		out.Kind, out.Hint = executor.Unavailable, "does it run, and can it be reached from here?"
	case code == codes.Unimplemented:
		out.Kind, out.Hint = executor.Unsupported, "the builder is too old for that"
	}
	return out
}

// asked names the platforms of the request.
func asked(r *Request) string {
	switch {
	case r == nil || len(r.Platforms) == 0:
		return "the builder's own platform"
	case len(r.Platforms) == 1:
		return r.Platforms[0]
	}
	return "one of " + strings.Join(r.Platforms, ", ")
}

// said is an error in better words.
type said struct {
	text string
	err  error
}

func (s said) Error() string { return s.text }
func (s said) Unwrap() error { return s.err }

// plainText takes away the layers that BuildKit puts around what happened.
func plainText(err error) string {
	text := err.Error()
	for {
		before := text
		for _, p := range []string{
			"failed to solve: ", "failed to solve with frontend dockerfile.v0: ", "failed to create LLB definition: ", "rpc error: ", "code = Unknown desc = ", "code = Unavailable desc = ", "failed to compute cache key: ",
		} {
			text = strings.TrimPrefix(text, p)
		}
		if text == before {
			return text
		}
	}
}

// position is "Dockerfile:3" and that line, if the error has one.
func position(r *Request, err error) (at, source string) {
	var hidden hiddenError
	if errors.As(err, &hidden) {
		err = hidden.err
	}
	all := errdefs.Sources(err)
	if len(all) == 0 || all[0].Info == nil || len(all[0].Ranges) == 0 || all[0].Ranges[0].Start == nil {
		return "", ""
	}
	line := int(all[0].Ranges[0].Start.Line)
	name := all[0].Info.Filename
	if r != nil && r.Context != "" {
		if rel, err := filepath.Rel(r.Context, r.Dockerfile); err == nil && filepath.IsLocal(rel) {
			name = rel
		}
	}
	lines := bytes.Split(all[0].Info.Data, []byte("\n"))
	if line < 1 || line > len(lines) {
		return name, ""
	}
	return fmt.Sprintf("%s:%d", name, line), string(lines[line-1])
}
