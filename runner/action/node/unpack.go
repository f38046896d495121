package node

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// maxArchive bounds what is unpacked of an archive before the program.
const maxArchive = 2 << 30

// programIn finds node-vX/bin/node in a tar.gz stream. Nothing else is taken,
// so that no name in the stream becomes a path here.
func programIn(archive io.Reader, t target) (io.Reader, error) {
	unzipped, err := gzip.NewReader(bufio.NewReader(archive))
	if err != nil {
		return nil, fmt.Errorf("it is no .tar.gz file: %w", err)
	}
	entries := tar.NewReader(io.LimitReader(unzipped, maxArchive))
	for {
		h, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("the archive holds no %s", t.file())
		}
		if err != nil {
			return nil, fmt.Errorf("the archive cannot be read: %w", err)
		}
		_, inside, _ := strings.Cut(strings.TrimPrefix(h.Name, "./"), "/")
		if path.Clean(inside) != t.file() || h.Typeflag != tar.TypeReg {
			continue
		}
		if h.Size > maxProgram {
			return nil, fmt.Errorf("the program in the archive is larger than %d bytes", maxProgram)
		}
		return entries, nil
	}
}
