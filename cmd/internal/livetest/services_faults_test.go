package livetest

import (
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// Two services: what befalls one must not touch the other.
const goodAndBad = `services:
  bad:
    path: bad
    image: HOST/team/bad
  good:
    path: good
    image: HOST/team/good
`

const copied = "FROM scratch\nCOPY data.txt /\n"

// refuses answers requests with that method about that part of the image "bad".
func refuses(method, part string, status int, body string) fault {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != method || !strings.HasPrefix(r.URL.Path, "/v2/team/bad/"+part) {
			return false
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
		return true
	}
}

// hangsUp ends the first connections that bring a layer of the image "bad", after
// some bytes of it.
func hangsUp(times int64) fault {
	var n atomic.Int64
	return func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPatch || !strings.HasPrefix(r.URL.Path, "/v2/team/bad/") || n.Add(1) > times {
			return false
		}
		_, _ = io.CopyN(io.Discard, r.Body, 1000)
		panic(http.ErrAbortHandler)
	}
}

// liesAbout answers with another manifest than the one that was sent.
func liesAbout(part string) fault {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.HasPrefix(r.URL.Path, "/v2/team/bad/"+part) {
			return false
		}
		fmt.Fprint(w, `{"schemaVersion":2}`)
		return true
	}
}

// TestServicesRegistryFaults: an image that is published already cannot be pushed
// again. The other one is, and no tag of the first moves.
func TestServicesRegistryFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		fault fault
		text  []string // of the error
		fine  bool     // it passes
	}{
		"no right to push": {fault: refuses("POST", "blobs", 403, `{"errors":[{"code":"DENIED","message":"not yours"}]}`), text: []string{"not yours", `"docker login"`}},
		"quota":            {fault: refuses("PUT", "blobs", 403, `{"errors":[{"code":"DENIED","message":"it will exceed the configured upper limit of quota"}]}`), text: []string{"upper limit of quota", "make room there"}},
		"disk full":        {fault: refuses("PATCH", "blobs", 507, "no space"), text: []string{"507", "make room there"}},
		"layer too large":  {fault: refuses("PATCH", "blobs", 413, ""), text: []string{"413", "raise its limit"}},
		"asked too often":  {fault: refuses("PUT", "manifests/sha256", 429, ""), text: []string{"asked too often"}},
		"in trouble":       {fault: refuses("POST", "blobs", 500, ""), text: []string{"500", "look at its log"}},
		"always cut off":   {fault: hangsUp(1 << 40), text: []string{"again and again"}},
		"cut off twice":    {fault: hangsUp(2), fine: true},
		"another digest":   {fault: liesAbout("manifests/sha256"), text: []string{"read back what was pushed", "mixes up what it stores"}},
		"layer in doubt":   {fault: refuses("PUT", "blobs", 400, `{"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match"}]}`), text: []string{"did not match", "changed on its way"}},
	} {
		t.Run(name, func(t *testing.T) {
			w, r := newWorld(t), newImageRegistry(t)
			files := map[string]string{"drydock.yaml": goodAndBad}
			for _, service := range []string{"good", "bad"} {
				files[service+"/Dockerfile"], files[service+"/data.txt"] = copied, strings.Repeat(service+name, 1000)
			}
			w.services(r.host, files)
			w.build("--since", firstPush).wantCode(0)
			before := r.digest("team/bad", "main")
			files["good/data.txt"] += "more"
			files["bad/data.txt"] += "more"
			sha := w.services(r.host, files)
			r.breaks(tt.fault)
			res := w.build("--since", "HEAD~1", "--json")
			r.wantOutcome(res, before, sha, tt.fine, tt.text...)
		})
	}
}

// wantOutcome checks what became of the services good and bad.
func (i *imageRegistry) wantOutcome(res result, before, sha string, fine bool, text ...string) {
	t := i.t
	t.Helper()
	code, conclusion := 1, "failure"
	if fine {
		code, conclusion = 0, "success"
	}
	res.wantCode(code)
	bad := res.job("bad")
	if bad.Conclusion == "skipped" { // for another that failed
		conclusion = "skipped"
	}
	if good := res.job("good"); good.Conclusion != "success" || bad.Conclusion != conclusion {
		t.Errorf("good: %s %s, bad: %s %s", good.Conclusion, good.Reason, bad.Conclusion, bad.Reason)
	}
	for _, part := range text {
		if !strings.Contains(bad.Reason, part) {
			t.Errorf("the error does not say %q: %s", part, bad.Reason)
		}
	}
	if i.digest("team/good", sha[:7]) == "" || i.digest("team/good", "main") != i.digest("team/good", sha[:7]) {
		t.Error("good is not published")
	}
	if moved := i.digest("team/bad", "main") != before; moved != fine {
		t.Errorf("a tag of bad was moved: %v", moved)
	}
	if there := i.digest("team/bad", sha[:7]) != ""; there != fine {
		t.Errorf("bad has the commit's tag: %v", there)
	}
	if !fine {
		t.Logf("bad: %s", bad.Reason)
	}
}

// TestServicesRegistryGone: the registry of one service is out of reach.
func TestServicesRegistryGone(t *testing.T) {
	closed := freePort(t)
	blackHole := func(t *testing.T) string { // takes connections and never answers
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				c.Close()
			}
		}()
		return l.Addr().String()
	}
	for name, tt := range map[string]struct {
		host func(*testing.T) string
		text []string
	}{
		"down":         {func(*testing.T) string { return closed }, []string{closed, "connection refused", "does the registry run"}},
		"hangs up":     {blackHole, []string{"again and again"}},
		"no such host": {func(*testing.T) string { return "registry.invalid" }, []string{"registry.invalid", "can it be reached"}},
		"unknown authority": {func(t *testing.T) string {
			return address(serveQuietly(t, newImageRegistry(t), (*httptest.Server).StartTLS))
		}, []string{"unknown authority", "trust who signed for it"}},
	} {
		t.Run(name, func(t *testing.T) {
			w, r := newWorld(t), newImageRegistry(t)
			host := tt.host(t)
			sha := w.services(r.host, map[string]string{
				"drydock.yaml":    strings.Replace(goodAndBad, "HOST/team/bad", host+"/team/bad", 1),
				"good/Dockerfile": copied, "good/data.txt": "good", "bad/Dockerfile": copied, "bad/data.txt": "bad",
			})
			r.wantOutcome(w.build("--since", firstPush, "--json"), "", sha, false, tt.text...)
		})
	}
}

// TestServicesTrustedAuthority: the certificates that this machine is told to trust
// hold for registries.
func TestServicesTrustedAuthority(t *testing.T) {
	w, r := newWorld(t), newImageRegistry(t)
	secure := serveQuietly(t, r, (*httptest.Server).StartTLS)
	w.file("../ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})))
	w.env = append(w.env, "SSL_CERT_FILE="+filepath.Join(w.repo, "../ca.pem"))
	sha := w.services(address(secure), map[string]string{
		"drydock.yaml": goodAndBad, "good/Dockerfile": copied, "good/data.txt": "x", "bad/Dockerfile": copied, "bad/data.txt": "x",
	})
	r.wantOutcome(w.build("--since", firstPush, "--json"), "", sha, true)
}
