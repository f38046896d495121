package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/registry"
	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/buildcontext"
)

// Build makes the image of a Dockerfile action. The tag comes from whose
// action it is and from every byte of its context, so that no repository can
// take another one's image, and an unchanged action is built once.
func (x *Executor) Build(ctx context.Context, spec executor.BuildSpec, log func(line string)) (executor.Image, error) {
	op := fmt.Sprintf("build the image of %q", spec.Repository)
	c, err := x.connection(ctx)
	if err != nil {
		return executor.Image{}, err
	}
	folder, err := buildcontext.Read(spec.Context, spec.Dockerfile)
	if err != nil {
		return executor.Image{}, &executor.Error{Op: op, Kind: executor.Invalid, Err: err}
	}
	sum, err := folder.Sum(spec.Repository, spec.Platform)
	if err != nil {
		return executor.Image{}, &executor.Error{Op: op, Kind: executor.Failed, Err: err}
	}
	img := executor.Image{Ref: "drydock-action/" + repositoryTag(spec.Repository) + ":" + sum[:16], Pull: executor.PullNever, Platform: spec.Platform}
	if !spec.Rebuild {
		if found, err := inspectImage(ctx, c, img); err != nil || found != nil {
			return img, err
		}
	}
	if log == nil {
		log = func(string) {}
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(folder.Write(w)) }()
	defer r.Close()
	answer, err := c.api.ImageBuild(ctx, r, build.ImageBuildOptions{
		Tags: []string{img.Ref}, Dockerfile: filepath.ToSlash(spec.Dockerfile), Platform: spec.Platform,
		NoCache: spec.Rebuild, Remove: true, ForceRemove: true,
		BuildArgs: x.buildArgs(), AuthConfigs: x.buildLogins(folder.Bases()),
		// The first builder needs no session and is in every engine.
		Version: build.BuilderV1,
	})
	if err != nil {
		return executor.Image{}, fail(op, err)
	}
	defer answer.Body.Close()
	if err := followBuild(answer.Body, log); err != nil {
		if ctx.Err() != nil {
			return executor.Image{}, context.Cause(ctx)
		}
		return executor.Image{}, &executor.Error{Op: op, Kind: executor.Failed, Err: err, Hint: "the lines above show what it printed"}
	}
	return img, nil
}

// followBuild gives lines on and names the instruction that failed.
func followBuild(r io.Reader, log func(string)) error {
	dec := json.NewDecoder(r)
	var part, step string
	for {
		var m message
		if err := dec.Decode(&m); err == io.EOF {
			if part != "" {
				log(part)
			}
			return nil
		} else if err != nil {
			return fmt.Errorf("reading the engine's output: %w", err)
		}
		if m.Error != "" {
			if part != "" {
				log(part)
			}
			if step != "" {
				return fmt.Errorf("%s: %s", step, m.Error)
			}
			return errors.New(m.Error)
		}
		part += m.Stream
		for {
			line, rest, ok := strings.Cut(part, "\n")
			if !ok {
				break
			}
			part = rest
			line = strings.TrimRight(line, "\r")
			if strings.HasPrefix(line, "Step ") {
				step = line
			}
			if line != "" {
				log(line)
			}
		}
	}
}

// buildArgs are the proxy variables; every builder knows them without an ARG.
func (x *Executor) buildArgs() map[string]*string {
	args := map[string]*string{}
	for k, v := range x.opts.Proxy {
		if v != "" {
			args[strings.ToLower(k)], args[strings.ToUpper(k)] = &v, &v
		}
	}
	return args
}

// buildLogins are the user's logins for the registries of base images, and
// for no other.
func (x *Executor) buildLogins(bases []string) map[string]registry.AuthConfig {
	out := map[string]registry.AuthConfig{}
	if x.opts.NoUserLogins {
		return out
	}
	conf, err := x.clientConfig()
	if err != nil {
		return out
	}
	for _, base := range bases {
		key := registryOf(base)
		if key == "" {
			continue
		}
		// A login that cannot be read may not be needed: the pull will say.
		if a, err := conf.login(context.Background(), key); err == nil && a != nil {
			out[key] = *a
		}
	}
	return out
}

// repositoryTag makes owner/repo/path usable in an image's name. What it takes
// away does not matter: the digest is over the name as it is.
func repositoryTag(s string) string {
	var out []string
	for part := range strings.SplitSeq(s, "/") {
		if strings.Trim(part, ".-_") != "" {
			out = append(out, safe(part, 60))
		}
	}
	if len(out) == 0 {
		return "local"
	}
	return strings.Join(out[:min(len(out), 3)], "/")
}

// registryOf gives the key of a login for an image's registry.
func registryOf(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ""
	}
	return loginKey(reference.Domain(named))
}
