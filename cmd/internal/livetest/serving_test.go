package livetest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ask is a step's script that asks the services for an ID token, once as itself
// and once as nobody, and says what became of it.
const ask = `
          test -n "$ACTIONS_ID_TOKEN_REQUEST_URL" || { echo "not told"; exit 1; }
          answer=$(wget -q -O - --header "Authorization: Bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=me")
          case "$answer" in *'"value":"ey'*) echo "$WHO got a token" ;; *) echo "$WHO got $answer" ;; esac
          wget -q -O - "$ACTIONS_ID_TOKEN_REQUEST_URL" || echo "$WHO got nothing without one"
          echo "url [$ACTIONS_RESULTS_URL] $(echo "$ACTIONS_RUNTIME_TOKEN" | wc -c) [$ACTIONS_CACHE_SERVICE_V2]"`

// TestServicesAreReached asks them from wherever steps run.
func TestServicesAreReached(t *testing.T) {
	w := newWorld(t)
	// A local action is a docker action of its own: it has its network's address.
	w.file("act/Dockerfile", "FROM "+busybox+"\nCOPY ask.sh /ask.sh\nENTRYPOINT [\"sh\", \"-e\", \"/ask.sh\"]\n")
	w.file("act/ask.sh", "WHO=action"+strings.ReplaceAll(ask, "\n          ", "\n")+"\n")
	w.file("act/action.yml", "name: ask\nruns: {using: docker, image: Dockerfile}\n")
	w.workflow(`
permissions: {id-token: write, contents: read}
jobs:
  lone:
    runs-on: ubuntu-latest
    steps:
      - &ask
        env: {WHO: "${{ github.job }}"}
        run: |` + ask + `
  machine:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - *ask
      - uses: ./act
      - uses: docker://` + busybox + `
        with: {entrypoint: /bin/sh, args: -e act/ask.sh}
  contained:
    runs-on: ubuntu-latest
    container: "` + bash + `"
    steps:
      - *ask
  metal:
    runs-on: metal
    steps:
      - *ask
  forbidden:
    runs-on: ubuntu-latest
    permissions: {}
    steps:
      - run: echo "forbidden [$ACTIONS_ID_TOKEN_REQUEST_URL$ACTIONS_RUNTIME_URL$ACTIONS_RUNTIME_TOKEN]"
`)
	r := w.pass()
	for _, who := range []string{"lone", "machine", "contained", "metal"} {
		r.wantLines(who+" got a token", who+" got nothing without one")
	}
	r.wantLines("forbidden []", "url [] 1 []")
	if n := r.count("action got a token"); n != 2 {
		t.Errorf("%d docker actions got a token, want 2\n%s", n, r.text())
	}
	if strings.Contains(r.out, "eyJ") {
		t.Error("a token is to be seen")
	}
	// Nothing of the sockets stays.
	if left, _ := filepath.Glob(filepath.Join(w.home, ".cache", "drydock", "sockets", "*", "*")); len(left) > 0 {
		t.Errorf("folders of sockets are left: %q", left)
	}

	// The operator may tell run: steps of everything.
	w.env = append(w.env, "DRYDOCK_SERVICES_RUN_STEPS=true")
	r = w.pass("-j", "lone")
	found := false
	for _, l := range strings.Split(r.text(), "\n") {
		found = found || strings.Contains(l, "url [http://") && strings.Contains(l, "/] ") && strings.HasSuffix(l, "[True]")
	}
	if !found {
		t.Errorf("a run step is not told of the services:\n%s", r.text())
	}
}

// TestServicesCostNothing: a run that has no use for them touches no folder.
func TestServicesCostNothing(t *testing.T) {
	w := newWorld(t)
	w.workflow("jobs:\n  a:\n    runs-on: ubuntu-latest\n    steps: [{run: 'true'}]\n")
	w.pass()
	for _, folder := range []string{filepath.Join(w.home, ".cache", "drydock", "caches"), w.state("artifact-ids")} {
		if _, err := os.Stat(folder); err == nil {
			t.Errorf("%s was made", folder)
		}
	}
}
