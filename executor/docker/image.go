package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/go-units"
	"github.com/drydock-ci/drydock/executor"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// pullPauses are the waits between the tries of a pull (actions/runner pulls
// three times).
var pullPauses = []time.Duration{time.Second, 4 * time.Second}

// Pull makes sure that the image is there.
func (x *Executor) Pull(ctx context.Context, img executor.Image, log func(string)) error {
	c, err := x.connection(ctx)
	if err != nil {
		return err
	}
	_, err = x.ensure(ctx, c, img, log)
	return err
}

// HasImage tells whether the engine has the image.
func (x *Executor) HasImage(ctx context.Context, img executor.Image) (bool, error) {
	c, err := x.connection(ctx)
	if err != nil {
		return false, err
	}
	found, err := inspectImage(ctx, c, img)
	return found != nil, err
}

// picture is what the package needs to know of an image.
type picture struct {
	env        []string
	user       string
	entrypoint []string
	cmd        []string
	arch       string
}

// inspectImage gives nil when the image is not there, or is there for another
// platform only.
func inspectImage(ctx context.Context, c *connection, img executor.Image) (*picture, error) {
	op := fmt.Sprintf("look for image %q", img.Ref)
	r, err := c.api.ImageInspect(ctx, img.Ref)
	if cerrdefs.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fail(op, err)
	}
	if p, err := platformOf(img.Platform); err != nil {
		return nil, fail(op, err)
	} else if p != nil && (p.OS != r.Os || p.Architecture != r.Architecture) {
		return nil, nil
	}
	out := &picture{arch: r.Architecture}
	if r.Config != nil {
		out.env, out.user = r.Config.Env, r.Config.User
		out.entrypoint, out.cmd = r.Config.Entrypoint, r.Config.Cmd
	}
	return out, nil
}

// platformOf reads os/arch or os/arch/variant.
func platformOf(s string) (*ocispec.Platform, error) {
	if s == "" {
		return nil, nil
	}
	parts := strings.Split(s, "/")
	if len(parts) < 2 || len(parts) > 3 || parts[0] == "" || parts[1] == "" {
		return nil, executor.Errorf("read platform", executor.Invalid, "%q is not os/arch, such as linux/amd64", s)
	}
	p := &ocispec.Platform{OS: parts[0], Architecture: parts[1]}
	if len(parts) == 3 {
		p.Variant = parts[2]
	}
	return p, nil
}

// ensure brings the image to the engine under its policy.
func (x *Executor) ensure(ctx context.Context, c *connection, img executor.Image, log func(string)) (*picture, error) {
	op := fmt.Sprintf("pull image %q", img.Ref)
	if _, err := reference.ParseAnyReference(img.Ref); err != nil {
		return nil, executor.Errorf(op, executor.Invalid, "it is not an image's name: %w", err)
	}
	if img.Pull != executor.PullAlways {
		p, err := inspectImage(ctx, c, img)
		if p != nil || err != nil {
			return p, err
		}
		if img.Pull == executor.PullNever {
			return nil, &executor.Error{
				Op: op, Kind: executor.NotFound, Reason: executor.ImagePull, Err: errors.New("it is not there, and pulling is off"),
				Hint: fmt.Sprintf("run \"docker pull %s\" once while online, or allow pulling", img.Ref),
			}
		}
	}
	if log == nil {
		log = func(string) {}
	}
	auth, err := x.login(ctx, img)
	if err != nil {
		return nil, &executor.Error{Op: op, Kind: executor.Failed, Err: err}
	}
	for try := 0; ; try++ {
		err := pullOnce(ctx, c, img, auth, log)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if final, out := judgePull(op, img, err); final || try >= len(pullPauses) {
			return nil, out
		}
		log(fmt.Sprintf("Pulling %s failed (%s), trying again in %s", img.Ref, trim(err), pullPauses[try]))
		t := time.NewTimer(pullPauses[try])
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil, context.Cause(ctx)
		}
	}
	p, err := inspectImage(ctx, c, img)
	if err == nil && p == nil {
		err = executor.Errorf(op, executor.NotFound, "the registry has it for another platform only")
	}
	return p, err
}

// judgePull says whether another try can help, and how to call the error.
func judgePull(op string, img executor.Image, err error) (final bool, out error) {
	e := &executor.Error{Op: op, Kind: executor.Failed, Reason: executor.ImagePull, Err: trim(err)}
	text := strings.ToLower(err.Error())
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(text, p) {
				return true
			}
		}
		return false
	}
	login := "log in with \"docker login\""
	if img.Credentials != nil {
		login = "check the declared credentials"
	}
	switch {
	case has("unauthorized", "denied", "no basic auth", "authentication required"):
		e.Kind, e.Hint = executor.NotFound, "check the name, or "+login
		return true, e
	case cerrdefs.IsNotFound(err) || has("manifest unknown", "not found", "no matching manifest", "name unknown"):
		e.Kind, e.Hint = executor.NotFound, "check the name and the tag, or "+login
		return true, e
	case cerrdefs.IsInvalidArgument(err):
		e.Kind = executor.Invalid
		return true, e
	}
	e.Hint = "check the network, or use an image that is there already"
	return false, e
}

func pullOnce(ctx context.Context, c *connection, img executor.Image, auth string, log func(string)) error {
	start := time.Now()
	log("Pulling " + img.Ref)
	body, err := c.api.ImagePull(ctx, img.Ref, image.PullOptions{RegistryAuth: auth, Platform: img.Platform})
	if err != nil {
		return err
	}
	defer body.Close()
	if err := followPull(body, img.Ref, log, time.Now); err != nil {
		return err
	}
	log(fmt.Sprintf("Pulled %s in %s", img.Ref, time.Since(start).Round(100*time.Millisecond)))
	return nil
}

// message is one JSON object of the engine's progress streams.
type message struct {
	ID       string `json:"id"`
	Status   string `json:"status"`
	Stream   string `json:"stream"`
	Progress struct {
		Current int64 `json:"current"`
		Total   int64 `json:"total"`
	} `json:"progressDetail"`
	Error       string `json:"error"`
	ErrorDetail struct {
		Message string `json:"message"`
	} `json:"errorDetail"`
}

// followPull turns the stream into a line every few seconds: a pull of many
// layers sends thousands of messages.
func followPull(r io.Reader, ref string, log func(string), now func() time.Time) error {
	const every = 3 * time.Second
	type layer struct {
		current, total int64
		done           bool
	}
	layers := map[string]*layer{}
	last := now()
	dec := json.NewDecoder(r)
	for {
		var m message
		if err := dec.Decode(&m); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading the engine's progress: %w", err)
		}
		if m.Error != "" {
			return errors.New(m.Error)
		}
		l := layers[m.ID]
		switch m.Status {
		case "Pulling fs layer", "Waiting":
			if l == nil {
				layers[m.ID] = &layer{}
			}
		case "Downloading":
			if l != nil {
				l.current, l.total = m.Progress.Current, m.Progress.Total
			}
		case "Pull complete", "Already exists":
			if l != nil {
				l.done, l.current = true, l.total
			}
		}
		if len(layers) == 0 || now().Sub(last) < every {
			continue
		}
		last = now()
		var done int
		var current, total int64
		for _, l := range layers {
			current, total = current+l.current, total+l.total
			if l.done {
				done++
			}
		}
		log(fmt.Sprintf("Pulling %s: %d of %d layers, %s of %s", ref, done, len(layers),
			units.HumanSize(float64(current)), units.HumanSize(float64(total))))
	}
}
