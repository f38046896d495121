package githubtest

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

//go:embed testdata/validate.mjs
var validateScript []byte

// descriptionPackages are GitHub's published description of its API and what
// checks JSON against it.
const descriptionPackages = `{"private": true, "dependencies": {"@octokit/openapi": "23.0.2", "ajv": "8.17.1", "ajv-formats": "3.0.1"}}`

// observed is one exchange or webhook to be checked.
type observed struct {
	Route   string `json:"route,omitempty"`
	Status  int    `json:"status,omitempty"`
	In      string `json:"in,omitempty"`
	Out     string `json:"out"`
	Kind    string `json:"kind,omitempty"`
	Webhook string `json:"webhook,omitempty"`
}

// TestDescription makes a request of each kind and holds the answers and the
// webhooks to GitHub's published description.
func TestDescription(t *testing.T) {
	if testing.Short() {
		t.Skip("GitHub's description is fetched and read only without -short")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("GitHub's description cannot be checked: node is not installed")
	}
	modules, err := installDescription()
	if err != nil {
		t.Fatal(err)
	}

	all := tour(t)
	served := map[string]bool{}
	for _, o := range all {
		if o.Status < 300 || o.Status == 302 {
			served[o.Route] = true
		}
	}
	for _, rt := range routes() {
		method, path, _ := strings.Cut(rt.pattern, " ")
		if name := method + " " + strings.ReplaceAll(strings.TrimPrefix(path, uploads), "...}", "}"); !served[name] {
			t.Errorf("the tour leaves out %s", name)
		}
	}

	// What is wrong on purpose shows that the check can fail.
	wrong := []observed{
		{Route: "GET /app", Status: 200, Out: `{"id":"seven"}`, Kind: "json"},
		{Route: "GET /nothing", Status: 200, Out: `{}`, Kind: "json"},
		{Route: "POST /repos/{owner}/{repo}/check-runs", Status: 201, In: `{"name":"x"}`, Out: `{}`, Kind: "json"},
		{Webhook: "push", Out: `{"ref":"refs/heads/main"}`},
		{Webhook: "pull_request", Out: strings.Replace(lastOf(all, "pull_request"), `"head":{`, `"head":{"sha":7,"was":{`, 1) + "}"},
	}
	all = append(all, wrong...)

	dir := t.TempDir()
	script := filepath.Join(dir, "validate.mjs")
	if err := os.WriteFile(script, validateScript, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	var in, out, errs bytes.Buffer
	for _, o := range all {
		if err := json.NewEncoder(&in).Encode(o); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(node, script)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, errs.Bytes())
	}
	answers := bufio.NewScanner(&out)
	answers.Buffer(nil, 16<<20)
	total, shown := 0, map[string]bool{}
	for i, o := range all {
		var deviations []string
		if !answers.Scan() || json.Unmarshal(answers.Bytes(), &deviations) != nil {
			t.Fatalf("no answer for %s: %s", o.Route, errs.Bytes())
		}
		if i >= len(all)-len(wrong) {
			if len(deviations) == 0 {
				t.Errorf("no deviation in %+v", o)
			}
			continue
		}
		total += len(deviations)
		for _, d := range deviations {
			line := fmt.Sprintf("%s%s %d: %s", o.Webhook, o.Route, o.Status, d)
			if !shown[line] {
				shown[line] = true
				t.Error(line)
			}
		}
	}
	t.Logf("%d exchanges and webhooks on %d routes, %d deviations", len(all), len(routes()), total)
}

// lastOf is the last payload of an event.
func lastOf(all []observed, event string) string {
	for _, o := range slices.Backward(all) {
		if o.Webhook == event {
			return o.Out
		}
	}
	return ""
}

// installDescription installs the packages once, in the user's cache, and gives
// the folder of modules.
func installDescription() (string, error) {
	sum := sha256.Sum256([]byte(descriptionPackages))
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	cache = filepath.Join(cache, "drydock-conformance")
	final := filepath.Join(cache, "description-"+hex.EncodeToString(sum[:8]))
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
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(descriptionPackages), 0o644); err != nil {
		return "", err
	}
	cmd := exec.Command("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("installing GitHub's description: %w\n%s", err, out)
	}
	// Each release of GitHub's server is described on its own, a gigabyte in all.
	generated := filepath.Join(dir, "node_modules/@octokit/openapi/generated")
	files, err := os.ReadDir(generated)
	if err != nil {
		return "", err
	}
	for _, f := range files {
		if !slices.Contains([]string{"api.github.com.json", "README.md"}, f.Name()) {
			if err := os.Remove(filepath.Join(generated, f.Name())); err != nil {
				return "", err
			}
		}
	}
	if err := os.Rename(dir, final); err != nil {
		if _, there := os.Stat(modules); there != nil { // unless another test was faster
			return "", err
		}
	}
	return modules, nil
}
