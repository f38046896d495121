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

// talk is a script with a function that asks the services over bash's own
// connections: METHOD PATH BODY [HEADER].
const talk = `
          ask() { # METHOD PATH BODY [HEADER]
            local host=${ACTIONS_CACHE_URL#http://}; host=${host%/}
            exec 3<>"/dev/tcp/${host%:*}/${host##*:}"
            printf '%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n%s\r\n%s' \
              "$1" "$2" "$host" "$ACTIONS_RUNTIME_TOKEN" "${#3}" "$4" "$3" >&3
            cat <&3
            exec 3>&-
          }
          api=/_apis/artifactcache`

// TestCachesStay saves a cache in one run and finds it in another, from another
// kind of place.
func TestCachesStay(t *testing.T) {
	w := newWorld(t)
	w.env = append(w.env, "DRYDOCK_SERVICES_RUN_STEPS=true")
	w.workflow(`
jobs:
  save:
    runs-on: ubuntu-latest
    steps:
      - shell: bash
        run: |` + talk + `
          id=$(ask POST $api/caches '{"key":"deps-1","version":"v","cacheSize":5}' | sed -n 's/.*"cacheId":\([0-9]*\).*/\1/p')
          ask PATCH $api/caches/$id hello $'Content-Range: bytes 0-4/*\r\n' | sed -n 1p
          ask POST $api/caches/$id '{"size":5}' | sed -n 1p
  restore:
    runs-on: metal
    needs: save
    if: ${{ !cancelled() }}
    steps:
      - shell: bash
        run: |` + talk + `
          found=$(ask GET "$api/cache?keys=deps-&version=v" "")
          echo "$found" | grep -o '"cacheKey":"[^"]*"' || echo "no cache"
          url=$(echo "$found" | sed -n 's/.*"archiveLocation":"\([^"]*\)".*/\1/p' | sed 's/\\u0026/\&/g')
          test -z "$url" || echo "content [$(ask GET "/${url#http://*/}" "" | tail -n 1)]"
`)
	r := w.pass()
	r.wantLines(`"cacheKey":"deps-1"`, "content [hello]")
	r = w.pass("-j", "restore", "--no-cache-server")
	r.wantLines("no cache")
	w.run("-j", "save").wantCode(0) // it is there already: nothing is saved twice

	list := w.program("cache", "list", "--json").wait()
	list.wantCode(0)
	if strings.Count(list.out, `"key": "deps-1"`) != 1 || !strings.Contains(list.out, `"ref": "refs/heads/main"`) {
		t.Errorf("drydock cache list:\n%s", list.out)
	}
	w.program("cache", "rm", "deps-1").wait().wantCode(0)
	if out := w.program("cache", "list").wait(); out.code != 0 || out.out != "" {
		t.Errorf("after rm: %d\n%s", out.code, out.out)
	}
	elsewhere := t.TempDir()
	w.pass("-j", "save", "--cache-server-path", elsewhere)
	if entries, _ := os.ReadDir(elsewhere); len(entries) == 0 {
		t.Error("--cache-server-path has no effect")
	}
}
