package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	digest "github.com/opencontainers/go-digest"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/githubapp/pipeline"
)

// buildByJob lets a workflow's job build and push the image. Which one that is, says
// the job's output "digest", or the tag of the commit that it has moved.
func (b *Builder) buildByJob(ctx context.Context, r pipeline.Request, log io.Writer) (pipeline.Image, error) {
	s := r.Service
	if !b.Publish {
		return pipeline.Image{}, fmt.Errorf("service %q is built by job %q of %s, which pushes by itself: build it without --no-push, --load and --output", s.Name.Text, s.Build.Job.Text, s.Build.Workflow.Text)
	}
	outputs, err := b.Jobs.Run(ctx, r, s.Build.Workflow.Text, s.Build.Job.Text, log)
	if err != nil {
		return pipeline.Image{}, err
	}
	ref, err := b.madeByJob(r, outputs)
	if err != nil {
		return pipeline.Image{}, err
	}
	found, err := b.Registry.Resolve(ctx, ref)
	var failed *executor.Error
	if errors.As(err, &failed) && failed.Kind == executor.NotFound {
		return pipeline.Image{}, fmt.Errorf("job %q has not pushed %s: it is to push what SERVICE_REFERENCES names, or to have an output \"digest\"", s.Build.Job.Text, ref)
	}
	if err != nil {
		return pipeline.Image{}, err
	}
	image := pipeline.Image{Name: s.Image.Text, Digest: found.Digest.String(), Size: found.Size}
	for _, p := range found.Platforms {
		image.Platforms = append(image.Platforms, strings.TrimSuffix(p.OS+"/"+p.Architecture+"/"+p.Variant, "/"))
	}
	return image, nil
}

// madeByJob names the image that a job has made.
func (b *Builder) madeByJob(r pipeline.Request, outputs map[string]string) (string, error) {
	s := r.Service
	if text := outputs["digest"]; text != "" {
		d, err := digest.Parse(text)
		if err != nil {
			return "", fmt.Errorf("output \"digest\" of job %q is %q: %w", s.Build.Job.Text, text, err)
		}
		return s.Image.Text + "@" + d.String(), nil
	}
	for _, tag := range r.Tags {
		// Other tags may be of an image that was there before.
		if len(r.Commit) > 7 && strings.Contains(tag, r.Commit[:7]) {
			return s.Image.Text + ":" + tag, nil
		}
	}
	return "", fmt.Errorf("which image job %q has made cannot be told: give it an output \"digest\", or the service a tag with ${sha}", s.Build.Job.Text)
}
