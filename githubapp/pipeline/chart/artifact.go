package chart

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	digest "github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	helm "helm.sh/helm/v3/pkg/chart"

	"github.com/drydock-ci/drydock/executor/build/registry"
	"github.com/drydock-ci/drydock/githubapp/pipeline"
)

// Media types of charts in registries (helm: pkg/registry/constants.go).
const (
	configType  = "application/vnd.cncf.helm.config.v1+json"
	archiveType = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
)

// imagesAnnotation lists the images of a chart (Artifact Hub: "Helm annotations").
const imagesAnnotation = "artifacthub.io/images"

// artifact is a chart as a registry has it.
type artifact struct {
	layout  registry.Layout
	archive ocispec.Descriptor
}

// addFile keeps what is written under its digest.
func (a *artifact) addFile(mediaType string, write func(io.Writer) error) (ocispec.Descriptor, error) {
	d := ocispec.Descriptor{MediaType: mediaType}
	f, err := os.CreateTemp(a.layout.Dir, "blob-")
	if err != nil {
		return d, err
	}
	defer os.Remove(f.Name()) // what was renamed is not there
	hash := digest.Canonical.Digester()
	err = write(io.MultiWriter(f, hash.Hash()))
	if err == nil {
		d.Size, err = f.Seek(0, io.SeekCurrent)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return d, err
	}
	d.Digest = hash.Digest()
	blob := a.layout.Path(d.Digest)
	if err := os.MkdirAll(filepath.Dir(blob), 0o755); err != nil {
		return d, err
	}
	return d, os.Rename(f.Name(), blob)
}

func (a *artifact) addJSON(mediaType string, value any) (ocispec.Descriptor, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	return a.addFile(mediaType, func(w io.Writer) error { _, err := w.Write(data); return err })
}

// manifest ties the archive and its description together.
func (a *artifact) manifest(m *helm.Metadata, r pipeline.Request, image pipeline.Image) (ocispec.Descriptor, error) {
	config, err := a.addJSON(configType, m)
	if err != nil {
		return config, err
	}
	return a.addJSON(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: config, Layers: []ocispec.Descriptor{a.archive}, Annotations: annotations(m, r, image),
	})
}

// annotations are those that `helm push` makes of Chart.yaml (helm:
// pkg/registry/util.go), the commit, and the image unless the chart lists its own.
// The time is the commit's, so that the same commit gives the same artifact.
func annotations(m *helm.Metadata, r pipeline.Request, image pipeline.Image) map[string]string {
	all := map[string]string{
		imagesAnnotation:              images(r, image),
		ocispec.AnnotationDescription: m.Description,
		ocispec.AnnotationURL:         m.Home,
		ocispec.AnnotationRevision:    r.Commit,
		ocispec.AnnotationAuthors:     authors(m),
	}
	if len(m.Sources) > 0 {
		all[ocispec.AnnotationSource] = m.Sources[0]
	}
	if !r.Epoch.IsZero() {
		all[ocispec.AnnotationCreated] = r.Epoch.UTC().Format(time.RFC3339)
	}
	for key, value := range m.Annotations {
		all[key] = value
	}
	all[ocispec.AnnotationTitle], all[ocispec.AnnotationVersion] = m.Name, m.Version
	for key, value := range all {
		if strings.TrimSpace(value) == "" {
			delete(all, key)
		}
	}
	return all
}

func authors(m *helm.Metadata) string {
	var all []string
	for _, one := range m.Maintainers {
		if one.Email != "" {
			all = append(all, strings.TrimSpace(one.Name+" ("+one.Email+")"))
		} else {
			all = append(all, one.Name)
		}
	}
	return strings.Join(all, ", ")
}

// images is the list that Artifact Hub reads, in YAML.
func images(r pipeline.Request, image pipeline.Image) string {
	reference := image.Name
	if t := tag(r); t != "" {
		reference += ":" + t
	}
	if image.Digest != "" {
		reference += "@" + image.Digest
	}
	return fmt.Sprintf("- name: %s\n  image: %s\n", r.Service.Name.Text, reference)
}
