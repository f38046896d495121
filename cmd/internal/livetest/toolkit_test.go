package livetest

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// toolkitFiles is an action of GitHub's own packages: acme/toolkit in workflows.
//
//go:embed testdata/toolkit
var toolkitFiles embed.FS

const tools = "drydock-test/tools:1"

// toolkit is the folder of the bundled action, made once.
var toolkit = sync.OnceValues(func() (string, error) {
	modules, err := installToolkit()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(filepath.Dir(binary), "toolkit")
	for _, name := range []string{"action.yml", "main.mjs"} {
		if err := copyToolkit(name, filepath.Join(folder, "source", name)); err != nil {
			return "", err
		}
	}
	if err := copyToolkit("action.yml", filepath.Join(folder, "action", "action.yml")); err != nil {
		return "", err
	}
	if err := os.Symlink(modules, filepath.Join(folder, "source", "node_modules")); err != nil {
		return "", err
	}
	return filepath.Join(folder, "action"), command(filepath.Join(folder, "source"), filepath.Join(modules, ".bin", "esbuild"), "main.mjs",
		"--bundle", "--platform=node", "--format=esm", "--log-level=warning", "--outfile=../action/main.mjs",
		// Some of the packages are CommonJS, which a module has no require for.
		`--banner:js=import {createRequire as requirer} from "node:module"; const require = requirer(import.meta.url);`)
})

func copyToolkit(name, to string) error {
	content, err := toolkitFiles.ReadFile("testdata/toolkit/" + name)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o755)
	}
	if err == nil {
		err = os.WriteFile(to, content, 0o600)
	}
	return err
}

// installToolkit installs the packages once for this user and gives the folder
// of modules.
func installToolkit() (string, error) {
	list, err := toolkitFiles.ReadFile("testdata/toolkit/package.json")
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	sum := sha256.Sum256(list)
	final := filepath.Join(cache, "drydock-conformance", "toolkit-"+hex.EncodeToString(sum[:8]))
	modules := filepath.Join(final, "node_modules")
	if _, err := os.Stat(modules); err == nil {
		return modules, nil
	}
	if err := os.MkdirAll(filepath.Dir(final), 0o755); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(filepath.Dir(final), "install-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "package.json"), list, 0o600); err != nil {
		return "", err
	}
	if err := command(dir, "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"); err != nil {
		return "", fmt.Errorf("installing GitHub's npm packages: %w", err)
	}
	if err := os.Rename(dir, final); err != nil {
		if _, there := os.Stat(modules); there != nil { // unless another test was faster
			return "", err
		}
	}
	return modules, nil
}

// withToolkit runs the test on Docker, on the host and in a cluster, each in a
// world where workflows know acme/toolkit@v1 and the label "here".
func withToolkit(t *testing.T, test func(w *toolWorld)) {
	if testing.Short() {
		t.Skip("GitHub's packages are installed and run only without -short")
	}
	for _, name := range []string{"node", "npm"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("GitHub's npm packages cannot be run: %s is not installed", name)
		}
	}
	for _, place := range []string{"docker", "host", "kubernetes"} {
		t.Run(place, func(t *testing.T) {
			var w *world
			if place == "kubernetes" {
				w = newKubeWorld(t)
				w.env = append(w.env, "DRYDOCK_NODE_SOURCE=") // the real one
			} else {
				w = newWorld(t)
			}
			folder, err := toolkit()
			if err != nil {
				t.Fatal(err)
			}
			image := "host"
			if place != "host" {
				image = tools
			}
			w.git("remote", "add", "origin", "https://github.com/octo/demo.git")
			test(&toolWorld{w, []string{"-P", "here=" + image, "--local-repository", "acme/toolkit@v1=" + folder,
				// As the action that the engine lets read other runs.
				"--local-repository", "actions/download-artifact@v8=" + folder}})
		})
	}
}

// toolWorld is a world with acme/toolkit.
type toolWorld struct {
	*world
	flags []string
}

// workflow is the one of world, for pull requests, too.
func (w *toolWorld) workflow(text string) {
	w.t.Helper()
	w.file(".github/workflows/ci.yml", "on: [push, pull_request]\n"+text)
	w.commit()
}

func (w *toolWorld) pass(args ...string) result {
	w.t.Helper()
	return w.world.pass(append(w.flags, args...)...)
}

// step is a step that runs the script with the packages in scope.
func step(script string, more ...string) string {
	s := "      - uses: acme/toolkit@v1\n"
	for _, line := range more {
		s += "        " + line + "\n"
	}
	return s + "        with:\n          main: |\n" + indent(script)
}

// post is the script that such a step runs after the job's other steps.
func post(script string) string { return "          post: |\n" + indent(script) }

func indent(script string) string {
	return "            " + strings.ReplaceAll(strings.Trim(script, "\n"), "\n", "\n            ") + "\n"
}
