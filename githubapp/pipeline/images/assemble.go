package images

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Where ko puts things, which images made by it are known by.
const (
	koPrograms = "ko-app"
	koData     = "var/run/ko"
	koUser     = "65532"   // nonroot
	maxLayer   = 512 << 20 // bytes: layers are made in memory, and links can name one file often
)

// assemble writes the image of Go programs, an index if there are several, as an
// OCI layout. The same programs and data give the same bytes.
func assemble(to, name string, programs []goProgram, data string, epoch time.Time) error {
	var list []mutate.IndexAddendum
	for _, p := range programs {
		image, err := koImage(name, p, data, epoch)
		if err != nil {
			return fmt.Errorf("image for %s: %w", p.platform, err)
		}
		list = append(list, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &p.platform}})
	}
	index := mutate.IndexMediaType(mutate.AppendManifests(empty.Index, list...), types.OCIImageIndex)
	if len(list) > 1 { // the layout names what the image is: here one index
		index = mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: index})
	}
	_, err := layout.Write(to, index)
	return err
}

// koImage is the image of one platform: on nothing else, as a static program needs.
func koImage(name string, p goProgram, data string, epoch time.Time) (v1.Image, error) {
	program, err := os.Open(p.path)
	if err != nil {
		return nil, err
	}
	defer program.Close()
	made := v1.History{Created: v1.Time{Time: epoch}, CreatedBy: "go build", Author: "drydock"}
	t := newTar(epoch)
	t.folders(koPrograms)
	t.file(path.Join(koPrograms, name), program, 0o555)
	layers := []mutate.Addendum{{Layer: t.layer(), History: made}}
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/" + koPrograms}
	if data != "" {
		t.next()
		t.folders(koData)
		t.tree(data, koData)
		layers = append(layers, mutate.Addendum{Layer: t.layer(), History: v1.History{Created: made.Created, CreatedBy: "kodata", Author: made.Author}})
		env = append(env, "KO_DATA_PATH=/"+koData)
	}
	if t.err != nil {
		return nil, t.err
	}
	image, err := mutate.Append(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), layers...)
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Variant = p.platform.OS, p.platform.Architecture, p.platform.Variant
	config.Created = made.Created
	config.Config = v1.Config{User: koUser, Env: env, Entrypoint: []string{"/" + koPrograms + "/" + name}}
	return mutate.ConfigFile(image, config)
}

// tarFile collects a layer. After an error it does nothing more.
type tarFile struct {
	epoch  time.Time
	buffer *bytes.Buffer
	w      *tar.Writer
	err    error
}

func newTar(epoch time.Time) *tarFile {
	t := &tarFile{epoch: epoch}
	t.next()
	return t
}

// next begins another layer.
func (t *tarFile) next() {
	t.buffer = &bytes.Buffer{}
	t.w = tar.NewWriter(t.buffer)
}

func (t *tarFile) entry(h *tar.Header) {
	if t.err == nil {
		h.ModTime, h.Format = t.epoch, tar.FormatPAX
		t.err = t.w.WriteHeader(h)
	}
}

// folders writes a folder and those above it.
func (t *tarFile) folders(name string) {
	for i := range name {
		if name[i] == '/' {
			t.entry(&tar.Header{Typeflag: tar.TypeDir, Name: name[:i+1], Mode: 0o755})
		}
	}
	t.entry(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755})
}

func (t *tarFile) file(name string, f *os.File, mode int64) {
	info, err := f.Stat()
	if err != nil {
		t.fail(err)
		return
	}
	if info.Size() > maxLayer-int64(t.buffer.Len()) {
		t.fail(fmt.Errorf("%q: with it the layer has more than %d bytes", name, maxLayer))
		return
	}
	t.entry(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: info.Size()})
	if t.err == nil {
		_, t.err = io.Copy(t.w, f)
	}
}

// tree writes what is in a folder. Symlinks are followed, as ko does, but none that
// leads out of it.
func (t *tarFile) tree(from, to string) {
	root, err := os.OpenRoot(from)
	if err != nil {
		t.fail(err)
		return
	}
	defer root.Close()
	t.fail(fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || t.err != nil || name == "." {
			return err
		}
		target := path.Join(to, name)
		if d.IsDir() { // those above it are there
			t.entry(&tar.Header{Typeflag: tar.TypeDir, Name: target + "/", Mode: 0o755})
			return t.err
		}
		f, err := root.Open(name)
		if err != nil {
			return fmt.Errorf("%w: data may not lead out of kodata", err)
		}
		defer f.Close()
		info, err := f.Stat()
		switch {
		case err != nil:
			return err
		case info.IsDir():
			return fmt.Errorf("%q is a link to a folder: copy it into kodata", name)
		case !info.Mode().IsRegular():
			return fmt.Errorf("%q is no file", name)
		}
		mode := int64(0o444) // what a umask leaves does not count
		if info.Mode()&0o100 != 0 {
			mode = 0o555
		}
		t.file(target, f, mode)
		return t.err
	}))
}

func (t *tarFile) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

// layer ends the layer.
func (t *tarFile) layer() v1.Layer {
	t.fail(t.w.Close())
	content := t.buffer.Bytes()
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }, tarball.WithMediaType(types.OCILayer))
	t.fail(err)
	return layer
}

// platformOf reads os/arch[/variant].
func platformOf(text string) v1.Platform {
	parts := append(strings.SplitN(text, "/", 3), "", "")
	return v1.Platform{OS: parts[0], Architecture: parts[1], Variant: parts[2]}
}
