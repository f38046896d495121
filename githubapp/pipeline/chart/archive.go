package chart

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"time"

	helm "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
)

// pack writes the chart's archive. Equal files, version and time give equal bytes:
// Chart.yaml first, as Helm has it, then by name, nobody's, with the commit's time.
func (f *folder) pack(ctx context.Context, w io.Writer, chart string, when time.Time) error {
	if when.IsZero() {
		when = time.Unix(0, 0)
	}
	compressed, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(compressed)
	add := func(one file) error {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		data := one.data
		if data == nil {
			if data, err = f.read(one.path); err != nil {
				return err
			}
		}
		err := archive.WriteHeader(&tar.Header{Name: path.Join(chart, one.path), Mode: 0o644, Size: int64(len(data)), ModTime: when.Truncate(time.Second).UTC()})
		if err == nil {
			_, err = archive.Write(data)
		}
		return err
	}
	if err := add(*f.lookup(chartFile)); err != nil {
		return err
	}
	for _, one := range f.files {
		if one.path == chartFile {
			continue
		}
		if err := add(one); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return compressed.Close()
}

// judge lets Helm's own loader read what was packed, and looks whether it holds the
// charts that it depends on: nothing is fetched for it.
func (f *folder) judge(a about, archive string) (*helm.Chart, error) {
	if err := f.small(); err != nil {
		return nil, err
	}
	r, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	packed, err := loader.LoadArchive(r)
	if err != nil {
		return nil, at(a.document.name, a.blamed(err), "helm refuses the chart: %w", err)
	}
	for _, need := range packed.Metadata.Dependencies {
		if !has(packed, need.Name) {
			return nil, at(a.document.name, a.line("dependencies"), "the chart %q that it depends on is not in charts/: run \"helm dependency update %s\" and commit what it brings", need.Name, f.name)
		}
	}
	return packed, nil
}

func has(c *helm.Chart, name string) bool {
	for _, one := range c.Dependencies() {
		if one.Name() == name {
			return true
		}
	}
	return false
}

// field is how Helm's errors name a key of Chart.yaml.
var field = regexp.MustCompile(`chart\.metadata\.(\w+)|Metadata\.(\w+)|(maintainers) must|(dependencies) must`)

// blamed is the line of the key that an error is about, else the first.
func (a *about) blamed(err error) int {
	for _, name := range append(field.FindStringSubmatch(err.Error()), "dependencies") {
		if line := a.line(name); line > 1 {
			return line
		}
	}
	return 1
}

var inner = regexp.MustCompile(`(?:^|/)charts/[^/]+\.tgz$`)

// small bounds what the archives in charts/ unpack to, before Helm does it in
// memory. Helm itself makes none that holds another.
func (f *folder) small() error {
	left := int64(maxChart) - f.size
	for _, one := range f.files {
		if !inner.MatchString(one.path) {
			continue
		}
		size, err := f.unpacked(one.path, left)
		if err != nil {
			return fmt.Errorf("%s: %w", path.Join(f.name, one.path), err)
		}
		left -= size
	}
	return nil
}

// unpacked is the size of an archive's files, at most limit.
func (f *folder) unpacked(name string, limit int64) (int64, error) {
	r, err := f.root.Open(filepath.FromSlash(name))
	if err != nil {
		return 0, plain(err)
	}
	defer r.Close()
	uncompressed, err := gzip.NewReader(r)
	if err != nil {
		return 0, fmt.Errorf("it is no packed chart: %w", err)
	}
	counted := &counter{r: uncompressed, left: limit}
	archive := tar.NewReader(counted)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return limit - counted.left, nil
		}
		if err != nil {
			return 0, fmt.Errorf("it is no packed chart: %w", err)
		}
		if inner.MatchString(path.Clean(header.Name)) {
			return 0, fmt.Errorf("it holds the packed chart %q: unpack that one", header.Name)
		}
	}
}

// counter refuses to read more than is left.
type counter struct {
	r    io.Reader
	left int64
}

// Read fails at the limit.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return n, fmt.Errorf("the chart unpacks to more than %d bytes", maxChart)
	}
	return n, err
}
