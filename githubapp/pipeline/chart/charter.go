package chart

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"github.com/drydock-ci/drydock/executor/build/registry"
	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
)

// Options of New.
type Options struct {
	Registry *registry.Client
	Folder   string // for archives; its owner removes it
	// Services are all of the repository; nil: the charted one alone. No chart takes the
	// place of an image of theirs.
	Services *declaration.Services
}

// Charter is pipeline.Charter. It may be used for several services at once.
type Charter struct{ Options }

// New connects nothing yet.
func New(o Options) *Charter { return &Charter{o} }

// name is what can be a part of a repository's name as well as a chart's
// (distribution: spec, "Pulling manifests").
var name = regexp.MustCompile(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$`)

// free refuses a name that is an image's.
func (c *Charter) free(repository, chart string) error {
	if c.Services == nil {
		return nil
	}
	for _, s := range c.Services.List {
		if declaration.FullImage(s.Image.Text) == declaration.FullImage(repository) {
			return fmt.Errorf("%s/Chart.yaml: the chart would be pushed to %s, which is the image of service %q: give it another name, or \"chart\" another \"repository\"", chart, repository, s.Name.Text)
		}
	}
	return nil
}

// Chart packs the service's chart and pushes it. It gives the reference that `helm
// pull` takes, with the digest of the artifact.
func (c *Charter) Chart(ctx context.Context, r pipeline.Request, image pipeline.Image, log io.Writer) (string, error) {
	f, err := open(r.Folder, r.Service.Chart.Path.Text)
	if err != nil {
		return "", err
	}
	defer f.close()
	about, err := f.prepare(r, image, log)
	if err != nil {
		return "", err
	}
	repository := r.Service.ChartRepository() + "/" + about.name
	if err := c.free(repository, f.name); err != nil {
		return "", err
	}
	layout := registry.Layout{Dir: filepath.Join(c.Folder, r.Service.Name.Text+".chart")}
	if err := os.MkdirAll(layout.Dir, 0o755); err != nil {
		return "", err
	}
	a := artifact{layout: layout}
	if a.archive, err = a.addFile(archiveType, func(w io.Writer) error { return f.pack(ctx, w, about.name, r.Epoch) }); err != nil {
		return "", fmt.Errorf("pack the chart %q: %w", f.name, err)
	}
	packed, err := f.judge(about, layout.Path(a.archive.Digest))
	if err != nil {
		return "", err
	}
	root, err := a.manifest(packed.Metadata, r, image)
	if err != nil {
		return "", fmt.Errorf("pack the chart %q: %w", f.name, err)
	}
	fmt.Fprintf(log, "packed %s %s: %d files, %d bytes\n", about.name, r.Version, len(f.files), a.archive.Size)
	var writing sync.Mutex // blobs are sent at once
	err = c.Registry.Push(ctx, layout, root, repository, []string{r.Version}, func(p registry.Progress) {
		if p.State == registry.Sent {
			writing.Lock()
			defer writing.Unlock()
			fmt.Fprintf(log, "sent %s (%d bytes)\n", p.Digest, p.Size)
		}
	})
	if err != nil {
		return "", err
	}
	reference := fmt.Sprintf("oci://%s:%s@%s", repository, r.Version, root.Digest)
	fmt.Fprintln(log, reference)
	return reference, nil
}
