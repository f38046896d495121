package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/setup"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/store/sqlite"
	"github.com/drydock-ci/drydock/githubapp/vault"
)

// TestSecretCommand: values get into the server's database sealed, and never out
// again.
func TestSecretCommand(t *testing.T) {
	gh := githubtest.New(t)
	repo := gh.Repository("octo/demo", githubtest.Files{"README.md": "hello"})
	home := t.TempDir()
	state := filepath.Join(home, "state")
	app := gh.App()
	if err := setup.Save(filepath.Join(state, "drydock", "app"), setup.Credentials{
		ID: app.ID, Slug: app.Slug, Server: gh.URL(), PrivateKey: app.PrivateKey, WebhookSecrets: [][]byte{[]byte("hook")},
	}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(home, "value.txt")
	if err := os.WriteFile(file, []byte("first line\nsecond line\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{
		"HOME=" + home, "XDG_STATE_HOME=" + state, "XDG_CONFIG_HOME=" + filepath.Join(home, "config"), "PATH=" + os.Getenv("PATH"),
		"DRYDOCK_GITHUB_SERVER_URL=" + gh.URL(), "DRYDOCK_GITHUB_API_URL=" + gh.URL() + "/api/v3", "FROM_ENV=of the environment",
	}
	var said strings.Builder
	drydock := func(code int, stdin string, args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if got := Main(append([]string{"drydock"}, args...), strings.NewReader(stdin), &stdout, &stderr, env); got != code {
			t.Errorf("%v: exit code %d, want %d: %s", args, got, code, stderr.String())
		}
		said.WriteString(stdout.String() + stderr.String())
		return stdout.String() + stderr.String()
	}
	here := []string{"--repository", "octo/demo"}
	with := func(args ...string) []string { return append(args, here...) }

	drydock(0, "of stdin\n", with("secret", "set", "stdin")...)
	drydock(0, "", with("secret", "set", "FILE", "--file", file)...)
	drydock(0, "", with("secret", "set", "DEPLOY", "--from-env", "FROM_ENV", "--environment", "Production")...)
	drydock(0, "of the account", "secret", "set", "SHARED", "--organization", "octo")
	drydock(0, "a variable", with("variable", "set", "REGION")...)
	drydock(0, "to be replaced", with("secret", "set", "TWICE")...)
	drydock(0, "replaced", with("secret", "set", "twice")...)
	drydock(0, "to be deleted", with("secret", "set", "GONE")...)
	drydock(0, "", with("secret", "delete", "gone")...)

	if out := drydock(exitUsage, "", with("secret", "delete", "GONE")...); !strings.Contains(out, `there is no secret "GONE"`) {
		t.Errorf("deleted twice: %s", out)
	}
	for what, args := range map[string][]string{
		"nobody's":                     {"secret", "set", "A"},
		"two owners'":                  {"secret", "set", "A", "--repository", "octo/demo", "--organization", "octo"},
		"an organization's env":        {"secret", "set", "A", "--organization", "octo", "--environment", "x"},
		"a name of GitHub's":           with("secret", "set", "GITHUB_A"),
		"no name":                      with("secret", "set", "A-B"),
		"a variable that is not there": with("secret", "set", "A", "--from-env", "NOT_THERE"),
		"a value as an argument":       with("secret", "set", "A", "value"),
	} {
		if out := drydock(exitUsage, "x", args...); !strings.Contains(out, "drydock: ") {
			t.Errorf("%s: %s", what, out)
		}
	}
	drydock(exitInfrastructure, "x", "secret", "set", "A", "--repository", "octo/none")
	drydock(exitUsage, strings.Repeat("x", vault.MaxBytes+1), with("secret", "set", "LARGE")...)

	var listed struct{ Secrets []struct{ Name string } }
	if err := json.Unmarshal([]byte(drydock(0, "", with("secret", "list", "--json")...)), &listed); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range listed.Secrets {
		names = append(names, s.Name)
	}
	if got := strings.Join(names, " "); got != "FILE STDIN TWICE" {
		t.Errorf("listed: %s", got)
	}
	if out := drydock(0, "", with("variable", "list")...); !strings.Contains(out, "REGION") || strings.Contains(out, "FILE") {
		t.Errorf("variables: %s", out)
	}

	// The server reads them with the same key.
	key := filepath.Join(state, "drydock", "server", "vault.key")
	keys, err := vault.LoadKeys(key)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), filepath.Join(state, "drydock", "server", "drydock.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	owner := vault.Owner{Organization: gh.Organization("octo").ID, Repository: repo.ID, Environment: "production"}
	values, err := vault.New(keys, db, "").Values(t.Context(), store.Secret, owner)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"STDIN": "of stdin", "FILE": "first line\nsecond line", "DEPLOY": "of the environment", "SHARED": "of the account", "TWICE": "replaced",
	}
	for name, value := range want {
		if values[name] != value {
			t.Errorf("%s is %q, want %q", name, values[name], value)
		}
		if strings.Contains(said.String(), value) {
			t.Errorf("the value of %s was shown", name)
		}
		raw, err := os.ReadFile(filepath.Join(state, "drydock", "server", "drydock.db"))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte(value)) {
			t.Errorf("the value of %s is in the database as it is", name)
		}
	}
	if len(values) != len(want) {
		t.Errorf("%d secrets, want %d", len(values), len(want))
	}
}
