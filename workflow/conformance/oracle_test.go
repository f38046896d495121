package conformance

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

//go:embed testdata/oracle.mjs
var oracleScript []byte

// oraclePackages are GitHub's parser and evaluator, and what bundles them.
const oraclePackages = `{"private": true, "dependencies": {"@actions/expressions": "0.3.61", "@actions/workflow-parser": "0.3.61", "esbuild": "0.25.0"}}`

// oracle is GitHub's own implementation in one node process.
type oracle struct {
	ask *json.Encoder
	out *bufio.Writer
	in  *bufio.Scanner
}

type question struct {
	Expr     string `json:"expr"`
	Set      int    `json:"set"` // of contexts; sent once
	Contexts any    `json:"contexts,omitempty"`
}

type workflowQuestion struct {
	Workflow string `json:"workflow"`
}

type answer struct {
	Value   json.RawMessage `json:"value"`
	Kind    string          `json:"kind"` // of error
	Message string          `json:"message"`
	Pos     int             `json:"pos"`
	Errors  []string        `json:"errors"`
	Jobs    string          `json:"jobs"`
}

// startOracle skips when there is no node to run GitHub's packages with.
func startOracle(t testing.TB) *oracle {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("GitHub's npm packages cannot be run: node is not installed")
	}
	script, err := oracleBundle()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node, script)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("running GitHub's packages: %v", err)
		}
	})
	out := bufio.NewWriter(stdin)
	in := bufio.NewScanner(stdout)
	in.Buffer(nil, 64<<20)
	ask := json.NewEncoder(out)
	ask.SetEscapeHTML(false)
	return &oracle{ask: ask, out: out, in: in}
}

// answers asks everything and calls got with each answer in order.
func (o *oracle) answers(t testing.TB, questions []any, got func(i int, a answer)) {
	t.Helper()
	failed := make(chan error, 1)
	go func() {
		for _, q := range questions {
			if err := o.ask.Encode(q); err != nil {
				failed <- err
				return
			}
		}
		failed <- o.out.Flush()
	}()
	for i := range questions {
		if !o.in.Scan() {
			t.Fatalf("question %d has no answer: %v", i, o.in.Err())
		}
		var a answer
		if err := json.Unmarshal(o.in.Bytes(), &a); err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		got(i, a)
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
}

// oracleBundle installs and bundles the packages once, in the user's cache.
func oracleBundle() (string, error) {
	sum := sha256.Sum256(append([]byte(oraclePackages), oracleScript...))
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	cache = filepath.Join(cache, "drydock-conformance")
	bundle := filepath.Join(cache, "oracle-"+hex.EncodeToString(sum[:8])+".cjs")
	if _, err := os.Stat(bundle); err == nil {
		return bundle, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(cache, "install-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	for name, text := range map[string][]byte{"package.json": []byte(oraclePackages), "oracle.mjs": oracleScript} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return "", err
		}
	}
	for _, command := range [][]string{
		{"npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"},
		// The packages import JSON in a way that node refuses; a bundle does not care.
		{filepath.Join("node_modules", ".bin", "esbuild"), "oracle.mjs", "--bundle", "--platform=node", "--format=cjs", "--outfile=oracle.cjs", "--log-level=error"},
	} {
		cmd := exec.Command(command[0], command[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("preparing GitHub's npm packages: %s: %w\n%s", strings.Join(command, " "), err, out)
		}
	}
	return bundle, os.Rename(filepath.Join(dir, "oracle.cjs"), bundle)
}
