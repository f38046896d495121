package kube

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestMain brings a fresh helper to the cluster: DRYDOCK_TEST_KUBE_LOAD is a
// command that takes the path of an image's tar. Without it the image has to be
// there already.
func TestMain(m *testing.M) {
	if load := os.Getenv("DRYDOCK_TEST_KUBE_LOAD"); load != "" && os.Getenv("DRYDOCK_TEST_KUBE") == "1" {
		if err := loadHelper(load); err != nil {
			fmt.Fprintln(os.Stderr, "bring the helper to the cluster:", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func loadHelper(load string) error {
	dir, err := os.MkdirTemp("", "drydock-kube-test-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "drydock-helper")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "github.com/drydock-ci/drydock/cmd/drydock-helper")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	data, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	image := filepath.Join(dir, "helper.tar")
	f, err := os.Create(image)
	if err != nil {
		return err
	}
	if err := writeImage(f, helperImage, map[string]string{"drydock-helper": string(data), "externals/node/which": "a node build\n"}); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	words := append(strings.Fields(load), image)
	out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// writeImage writes an image of those files in the form of `docker save`.
func writeImage(w io.Writer, name string, files map[string]string) error {
	layer, err := pack(files, 0o755)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(layer)
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "config": map[string]any{},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + hex.EncodeToString(sum[:])}},
	})
	if err != nil {
		return err
	}
	manifest, err := json.Marshal([]map[string]any{{"Config": "config.json", "RepoTags": []string{name}, "Layers": []string{"layer.tar"}}})
	if err != nil {
		return err
	}
	all, err := pack(map[string]string{"config.json": string(config), "layer.tar": string(layer), "manifest.json": string(manifest)}, 0o644)
	if err != nil {
		return err
	}
	_, err = w.Write(all)
	return err
}

func pack(files map[string]string, mode int64) ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for name, data := range files {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(data))}); err != nil {
			return nil, err
		}
		if _, err := io.WriteString(w, data); err != nil {
			return nil, err
		}
	}
	return buf.Bytes(), w.Close()
}
