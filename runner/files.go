package runner

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/drydock-ci/drydock/executor"
)

// maxSmallFile is the largest file that is read into memory: manifests and
// problem matchers.
const maxSmallFile = 4 << 20

// readFile reads one small file of the place.
func (x *execution) readFile(ctx context.Context, name string) ([]byte, error) {
	r, err := x.env.CopyOut(ctx, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil, executor.Errorf(fmt.Sprintf("read %s", name), executor.NotFound, "it is not a file")
		}
		if err != nil {
			return nil, err
		}
		if h.Typeflag != tar.TypeReg || path.Base(h.Name) != path.Base(name) {
			continue
		}
		if h.Size > maxSmallFile {
			return nil, fmt.Errorf("read %s: it is larger than %d bytes", name, maxSmallFile)
		}
		var b bytes.Buffer
		_, err = io.Copy(&b, t)
		return b.Bytes(), err
	}
}
