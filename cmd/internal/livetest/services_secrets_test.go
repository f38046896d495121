package livetest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// asks wants the password of "ann", with each request or once for a token.
func asks(password string, token bool) fault {
	return func(w http.ResponseWriter, r *http.Request) bool {
		user, given, _ := r.BasicAuth()
		known := user == "ann" && given == password
		if r.URL.Path == "/token" && known {
			_ = json.NewEncoder(w).Encode(map[string]string{"token": "t0ken-" + password})
			return true
		}
		if token && r.URL.Path != "/token" {
			known = r.Header.Get("Authorization") == "Bearer t0ken-"+password
		}
		if known {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="team"`)
		if token {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="team"`, r.Host))
		}
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"errors":[{"code":"UNAUTHORIZED","message":"who are you?"}]}`)
		return true
	}
}

// login writes Docker's configuration for a registry.
func (w *world) login(host, password string) {
	w.t.Helper()
	config := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, base64.StdEncoding.EncodeToString([]byte("ann:"+password)))
	if err := os.MkdirAll(filepath.Join(w.home, ".docker"), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.home, ".docker/config.json"), []byte(config), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// TestServicesLogin: Docker's login is used, for base images too; a wrong one is told
// and not shown.
func TestServicesLogin(t *testing.T) {
	for what, tt := range map[string]struct {
		token bool
		login string
		base  bool
		text  []string
	}{
		"basic":               {login: "s3cret-canary"},
		"token":               {token: true, login: "s3cret-canary"},
		"token, base image":   {token: true, login: "s3cret-canary", base: true},
		"basic, wrong":        {login: "wr0ng-canary", text: []string{"push", `"docker login"`}},
		"basic, none":         {text: []string{"push", `"docker login"`}},
		"token, wrong":        {token: true, login: "wr0ng-canary", text: []string{"push", `"docker login"`}},
		"token, none":         {token: true, text: []string{"push", `"docker login"`}},
		"wrong, a base image": {login: "wr0ng-canary", base: true, text: []string{"build", "log in to the registry of the base image"}},
	} {
		t.Run(what, func(t *testing.T) {
			w, r := newWorld(t), newImageRegistry(t)
			r.base("private/base")
			r.breaks(asks("s3cret-canary", tt.token))
			if tt.login != "" {
				w.login(r.host, tt.login)
			}
			dockerfile := copied
			if tt.base {
				dockerfile = "FROM HOST/private/base:1\nCOPY data.txt /\n"
			}
			open := address(serveQuietly(t, r.next, (*httptest.Server).Start))
			sha := w.services(r.host, map[string]string{
				"drydock.yaml":    strings.Replace(goodAndBad, "HOST/team/good", open+"/team/good", 1),
				"good/Dockerfile": copied, "good/data.txt": "good", "bad/Dockerfile": dockerfile, "bad/data.txt": what,
			})
			res := w.build("--since", firstPush, "--json")
			r.wantOutcome(res, "", sha, tt.text == nil, tt.text...)
			if strings.Contains(res.out+res.err, "canary") {
				t.Error("the password is in the output")
			}
		})
	}
}

// TestServicesKeepSecrets looks for a build secret and a password everywhere that
// anybody else can look, while the program runs and after.
func TestServicesKeepSecrets(t *testing.T) {
	for what, buildkit := range map[string]bool{"engine": false, "buildkitd": true} {
		t.Run(what, func(t *testing.T) {
			w, r := newWorld(t), newImageRegistry(t)
			r.base("private/base")
			const canary, password = "npm-canary-needle", "pass-canary-needle"
			r.breaks(asks(password, false))
			w.login(r.host, password)
			w.env = append(w.env, "NPM_TOKEN="+canary, "TMPDIR="+filepath.Join(w.home, "tmp"))
			if err := os.Mkdir(filepath.Join(w.home, "tmp"), 0o755); err != nil {
				t.Fatal(err)
			}
			if buildkit {
				w.env = append(w.env, "BUILDKIT_HOST="+newBuildkitd(t))
			}
			sha := w.services(r.host, map[string]string{
				"drydock.yaml": `services:
  shop:
    path: shop
    build: {secrets: {npm: NPM_TOKEN}, args: {SHOWN: "yes"}}
    image: HOST/team/shop
  broken:
    path: broken
    build: {secrets: {npm: NPM_TOKEN}}
    image: HOST/team/broken
`,
				"shop/Dockerfile":   "FROM HOST/private/base:1\nARG SHOWN\nRUN --mount=type=secret,id=npm cat /run/secrets/npm; echo; sleep 1; wc -c < /run/secrets/npm > /size\n",
				"broken/Dockerfile": "FROM HOST/private/base:1\nRUN --mount=type=secret,id=npm echo \"failing with $(cat /run/secrets/npm)\" >&2; exit 1\n",
			})
			run := w.program("build", "--since", firstPush, "-v")
			var shown []string
			for ended := false; !ended; {
				shown = append(shown, append(marked(canary), marked(password)...)...)
				select {
				case <-run.ended:
					ended = true
				case <-time.After(20 * time.Millisecond):
				}
			}
			res := run.wait()
			res.wantCode(1)
			if len(shown) > 0 {
				t.Errorf("in the arguments of processes: %q", shown[0])
			}
			if text := res.out + res.err; strings.Contains(text, "canary") || strings.Contains(text, "needle") || !strings.Contains(text, "***") || !strings.Contains(text, "failing with") {
				t.Errorf("the output: %s", text)
			}
			if r.digest("team/shop", sha[:7]) == "" {
				t.Fatal("it is not pushed")
			}
			if all := r.bytes("team/shop", sha[:7]); bytes.Contains(all, []byte("canary")) || bytes.Contains(all, []byte("needle")) || !bytes.Contains(all, []byte("SHOWN")) {
				t.Error("it is in the image, or its history")
			}
			w.wantNowhere("canary")
			if left, _ := os.ReadDir(filepath.Join(w.home, "tmp")); len(left) > 0 {
				t.Errorf("left among temporary files: %v", left)
			}
		})
	}
}

// bytes is all that an image consists of: manifest, configuration, unpacked layers.
func (i *imageRegistry) bytes(image, tag string) []byte {
	i.t.Helper()
	img, err := remote.Image(i.reference(image, tag))
	if err != nil {
		i.t.Fatal(err)
	}
	var all bytes.Buffer
	manifest, err := img.RawManifest()
	if err != nil {
		i.t.Fatal(err)
	}
	config, err := img.RawConfigFile()
	if err != nil {
		i.t.Fatal(err)
	}
	all.Write(manifest)
	all.Write(config)
	layers, err := img.Layers()
	if err != nil {
		i.t.Fatal(err)
	}
	for _, l := range layers {
		open, err := l.Uncompressed()
		if err != nil {
			i.t.Fatal(err)
		}
		_, err = io.Copy(&all, open)
		open.Close()
		if err != nil {
			i.t.Fatal(err)
		}
	}
	return all.Bytes()
}

// wantNowhere looks through all files that the program has left at home.
func (w *world) wantNowhere(text string) {
	w.t.Helper()
	err := filepath.WalkDir(w.home, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasPrefix(path, filepath.Join(w.home, ".docker")) {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(text)) {
			w.t.Errorf("%q is in %s", text, path)
		}
		return err
	})
	if err != nil {
		w.t.Error(err)
	}
}

// TestServicesInterrupt: what was published stays, what was not has no tag, and
// nothing goes on.
func TestServicesInterrupt(t *testing.T) {
	for what, tt := range map[string]struct {
		dockerfile string
		stall      bool
	}{
		"while it builds":  {dockerfile: "FROM HOST/base:1\nRUN echo begun MARKER; sleep 1000\n"},
		"while it pushes":  {dockerfile: copied, stall: true},
		"while it is late": {dockerfile: "FROM HOST/base:1\nRUN trap '' INT TERM; echo begun MARKER; while :; do sleep 1; done\n"},
	} {
		t.Run(what, func(t *testing.T) {
			w, r := newWorld(t), newImageRegistry(t)
			r.base("base")
			marker := fmt.Sprintf("marker-%d", time.Now().UnixNano())
			w.env = append(w.env, "TMPDIR="+filepath.Join(w.home, "tmp"))
			if err := os.Mkdir(filepath.Join(w.home, "tmp"), 0o755); err != nil {
				t.Fatal(err)
			}
			sha := w.services(r.host, map[string]string{
				"drydock.yaml": goodAndBad, "good/Dockerfile": copied, "good/data.txt": "good",
				"bad/Dockerfile": strings.ReplaceAll(tt.dockerfile, "MARKER", marker), "bad/data.txt": marker,
			})
			stalled := make(chan struct{}, 100)
			if tt.stall {
				r.breaks(func(w http.ResponseWriter, q *http.Request) bool {
					if q.Method != http.MethodPatch || !strings.HasPrefix(q.URL.Path, "/v2/team/bad/") {
						return false
					}
					stalled <- struct{}{}
					_, _ = io.Copy(io.Discard, q.Body)
					<-q.Context().Done()
					return true
				})
			}
			run := w.program("build", "--since", firstPush, "--json")
			eventually(t, patience, "good is published", func() bool { return r.digest("team/good", "main") != "" })
			if tt.stall {
				<-stalled
			} else {
				run.until("begun " + marker)
			}
			sent := time.Now()
			run.signal(syscall.SIGINT)
			res := run.wait()
			t.Logf("ended %.1f s after the signal", time.Since(sent).Seconds())
			res.wantCode(130)
			if good, bad := res.job("good"), res.job("bad"); good.Conclusion != "success" || bad.Conclusion != "cancelled" {
				t.Errorf("good: %s, bad: %s", good.Conclusion, bad.Conclusion)
			}
			if r.digest("team/bad", sha[:7]) != "" || r.digest("team/bad", "main") != "" {
				t.Error("a tag of what was interrupted is there")
			}
			eventually(t, patience, "no process is left", func() bool { return len(marked(marker)) == 0 })
			if left, _ := os.ReadDir(filepath.Join(w.home, "tmp")); len(left) > 0 {
				t.Errorf("left among temporary files: %v", left)
			}
		})
	}
}
