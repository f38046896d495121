package service

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/runner/service/artifact"
)

//go:embed testdata/clients.mjs
var clientsScript []byte

// clientPackages are GitHub's own clients: today's, and the last ones of the
// protocols before. The override leaves out a version that cannot be installed.
const clientPackages = `{
  "private": true,
  "dependencies": {
    "@actions/artifact": "6.2.1", "@actions/cache": "6.3.0", "@actions/core": "3.0.1",
    "artifact-v1": "npm:@actions/artifact@1.1.3", "cache-v3": "npm:@actions/cache@3.3.0"
  },
  "overrides": {"typedarray.prototype.slice": "1.0.5"}
}`

// clients is one node process that calls GitHub's packages.
type clients struct {
	t       *testing.T
	address string // with a slash at its end
	in      *json.Encoder
	answers *bufio.Scanner
}

// startClients starts them for jobs of the server at that address. It skips
// when there is no node to run GitHub's packages with.
func startClients(t *testing.T, address string) *clients {
	t.Helper()
	if testing.Short() {
		t.Skip("GitHub's clients are installed and run only without -short")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("GitHub's npm packages cannot be run: node is not installed")
	}
	modules, err := installClients()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := filepath.Join(dir, "clients.mjs")
	if err := os.WriteFile(script, clientsScript, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node, script)
	// Octokit reads the address of the API once, when it is loaded.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GITHUB_API_URL=" + address + strings.Trim(artifact.APIPath, "/")}
	cmd.ExtraFiles = []*os.File{write}
	var stderr bytes.Buffer
	cmd.Stderr, cmd.Stdout = &stderr, &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("running GitHub's clients: %v\n%s", err, stderr.Bytes())
		}
		read.Close()
	})
	answers := bufio.NewScanner(read)
	answers.Buffer(nil, 16<<20)
	return &clients{t, address, json.NewEncoder(stdin), answers}
}

// run is a subtest.
func (c *clients) run(name string, test func(t *testing.T)) {
	c.t.Helper()
	outer := c.t
	defer func() { c.t = outer }()
	outer.Run(name, func(t *testing.T) {
		c.t = t
		test(t)
	})
}

// installClients installs the packages once, in the user's cache, and gives the
// folder of modules.
func installClients() (string, error) {
	sum := sha256.Sum256([]byte(clientPackages))
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	cache = filepath.Join(cache, "drydock-conformance")
	final := filepath.Join(cache, "clients-"+hex.EncodeToString(sum[:8]))
	modules := filepath.Join(final, "node_modules")
	if _, err := os.Stat(modules); err == nil {
		return modules, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(cache, "install-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(clientPackages), 0o644); err != nil {
		return "", err
	}
	cmd := exec.Command("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("installing GitHub's npm packages: %w\n%s", err, out)
	}
	if err := os.Rename(dir, final); err != nil {
		if _, there := os.Stat(modules); there != nil { // unless another test was faster
			return "", err
		}
	}
	return modules, nil
}

// result is what a call of a client came to.
type result struct {
	t     *testing.T
	op    string
	Value json.RawMessage
	Error string
	Name  string
	Log   string
}

// jobClients call as the actions of one job do.
type jobClients struct {
	*clients
	env  map[string]string
	work string
}

// job is the clients in a job with that token, in a workspace of its own.
func (c *clients) job(bearer string, more ...string) jobClients {
	c.t.Helper()
	work, address := c.t.TempDir(), c.address
	env := map[string]string{
		"ACTIONS_RUNTIME_URL": address, "ACTIONS_RESULTS_URL": address, "ACTIONS_CACHE_URL": address,
		"ACTIONS_RUNTIME_TOKEN": bearer, "ACTIONS_CACHE_SERVICE_V2": "True",
		"ACTIONS_ID_TOKEN_REQUEST_TOKEN": bearer,
		"GITHUB_SERVER_URL":              "https://github.com", "GITHUB_REPOSITORY": "Octo/Demo",
		"GITHUB_RUN_ID": "4711", "GITHUB_RETENTION_DAYS": "90", "GITHUB_WORKSPACE": work, "RUNNER_TEMP": c.t.TempDir(),
		"RUNNER_OS": "Linux", "GITHUB_REF": "refs/heads/feature",
	}
	for i := 0; i < len(more); i += 2 {
		env[more[i]] = more[i+1]
	}
	return jobClients{c, env, work}
}

// elsewhere is the same job with an empty workspace.
func (j jobClients) elsewhere() jobClients {
	j.env, j.work = maps.Clone(j.env), j.t.TempDir()
	j.env["GITHUB_WORKSPACE"] = j.work
	return j
}

func (j jobClients) call(op string, args map[string]any) result {
	j.t.Helper()
	if args == nil {
		args = map[string]any{}
	}
	if err := j.in.Encode(map[string]any{"env": j.env, "op": op, "args": args}); err != nil {
		j.t.Fatal(err)
	}
	if !j.answers.Scan() {
		j.t.Fatalf("%s: no answer: %v", op, j.answers.Err())
	}
	r := result{t: j.t, op: op}
	if err := json.Unmarshal(j.answers.Bytes(), &r); err != nil {
		j.t.Fatal(err)
	}
	return r
}

// ok reads the value of a call that must succeed.
func (r result) ok(into any) {
	r.t.Helper()
	if r.Error != "" {
		r.t.Fatalf("%s: %s: %s\n%s", r.op, r.Name, r.Error, r.Log)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(r.Value, into); err != nil {
		r.t.Fatalf("%s: %s: %v", r.op, r.Value, err)
	}
}

// fails checks the message of a call that must fail.
func (r result) fails(want string) {
	r.t.Helper()
	if !strings.Contains(r.Error, want) || want == "" {
		r.t.Errorf("%s = %s, error %q, want an error with %q\n%s", r.op, r.Value, r.Error, want, r.Log)
	}
}

// logs checks what the client says to the user.
func (r result) logs(want string) {
	r.t.Helper()
	if !strings.Contains(r.Log, want) {
		r.t.Errorf("%s logs %q, want %q", r.op, r.Log, want)
	}
}

// write makes files in the workspace and gives their paths.
func (j jobClients) write(files map[string]string) []string {
	j.t.Helper()
	var paths []string
	for name, content := range files {
		path := filepath.Join(j.work, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			j.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			j.t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// tree reads all files below dir.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		content, err := io.ReadAll(file)
		name, _ := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
