package githubtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

const maxBody = 100 << 20

// call is one API request.
type call struct {
	gh    *GitHub
	r     *http.Request
	route string // as GitHub's description names it
	who   caller
	repo  *Repository
	body  []byte
}

// exchange is an API request and its answer, for tests of this package.
type exchange struct {
	Route  string `json:"route"` // "GET /repos/{owner}/{repo}"
	Status int    `json:"status"`
	In     []byte `json:"-"`
	Out    []byte `json:"-"`
}

// handler serves everything below the server's address.
func (g *GitHub) handler() http.Handler {
	mux := http.NewServeMux()
	for _, rt := range routes() {
		method, path, _ := strings.Cut(rt.pattern, " ")
		prefix := "/api/v3"
		if strings.HasPrefix(path, uploads) {
			prefix = "/api"
		}
		name := method + " " + strings.ReplaceAll(strings.TrimPrefix(path, uploads), "...}", "}")
		serve := func(w http.ResponseWriter, r *http.Request) { g.serveAPI(w, r, name, rt) }
		mux.HandleFunc(method+" "+prefix+path, serve)
		if root, found := strings.CutSuffix(path, "/{path...}"); found { // the root folder's contents
			mux.HandleFunc(method+" "+prefix+root, serve)
		}
	}
	// A repository by its number. GitHub redirects renamed ones there.
	mux.HandleFunc("/api/v3/repositories/{id}/{rest...}", func(w http.ResponseWriter, r *http.Request) { g.serveByID(mux, w, r) })
	mux.HandleFunc("/api/v3/repositories/{id}", func(w http.ResponseWriter, r *http.Request) { g.serveByID(mux, w, r) })
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		g.unserved = append(g.unserved, r.Method+" "+strings.TrimPrefix(r.URL.Path, "/api/v3"))
		g.mu.Unlock()
		a := fail(http.StatusNotFound, "Not Found: githubtest does not serve "+r.Method+" "+r.URL.Path)
		g.write(w, r, &a)
	})
	g.serveWeb(mux)
	mux.HandleFunc("/", g.serveGit)
	return mux
}

// serveByID turns the number in a path into a name.
func (g *GitHub) serveByID(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	name := "no/repository"
	g.mu.Lock()
	for _, repo := range g.repositories {
		if itoa(repo.ID) == r.PathValue("id") {
			name = repo.FullName
		}
	}
	g.mu.Unlock()
	_, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/api/v3/repositories/"), "/")
	u, err := r.URL.Parse("/api/v3/repos/" + strings.TrimSuffix(name+"/"+rest, "/"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	u.RawQuery = r.URL.RawQuery
	again := r.Clone(r.Context())
	again.URL = u
	mux.ServeHTTP(w, again)
}

// serveAPI does what all API requests have in common.
func (g *GitHub) serveAPI(w http.ResponseWriter, r *http.Request, name string, rt route) {
	spoil := g.faults.decide(r, g.tested(r))
	if spoil.before(w, r) {
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		a := fail(http.StatusRequestEntityTooLarge, "The request is too large")
		g.write(w, r, &a)
		return
	}
	c := &call{gh: g, r: r, route: name, body: body}
	a := g.answer(c, rt, spoil)
	if a.list {
		c.page(&a)
	}
	if spoil.after(w) {
		return
	}
	out := g.write(w, r, &a)
	if a.status == http.StatusNotModified {
		g.refund(c.who)
	}
	if g.observe != nil && c.route != "" {
		g.observe(exchange{c.route, a.status, body, out})
	}
}

// answer is the part that sees and changes what GitHub knows.
func (g *GitHub) answer(c *call, rt route, spoil spoiled) answer {
	g.mu.Lock()
	defer g.mu.Unlock()
	who, bad := g.authenticate(c.r)
	if bad != nil {
		return *bad
	}
	c.who = who
	header, limited := g.charge(c, spoil)
	if limited != nil {
		limited.header = header
		return *limited
	}
	var a answer
	if bad := c.allow(rt.need); bad != nil {
		a = *bad
	} else {
		a = rt.serve(c)
	}
	for name, values := range a.header {
		header[name] = values
	}
	a.header = header
	return a
}

// write sends an answer; what the caller has already is not sent again.
func (g *GitHub) write(w http.ResponseWriter, r *http.Request, a *answer) []byte {
	out, kind := a.raw, a.kind
	if out == nil && a.body != nil {
		var buffer bytes.Buffer
		e := json.NewEncoder(&buffer)
		e.SetEscapeHTML(false)
		if err := e.Encode(a.body); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return nil
		}
		out, kind = buffer.Bytes(), "application/json; charset=utf-8"
	}
	h := w.Header()
	for name, values := range a.header {
		h[name] = values
	}
	h.Set("X-GitHub-Request-Id", "TEST:"+secretText(r.URL.Path, 0)[:12])
	h.Set("X-GitHub-Media-Type", "github.v3; format=json")
	if kind != "" {
		h.Set("Content-Type", kind)
	}
	if r.Method == http.MethodGet && a.status == http.StatusOK {
		sum := sha256.Sum256(out)
		tag := `"` + hex.EncodeToString(sum[:]) + `"`
		h.Set("ETag", `W/`+tag)
		if strings.TrimPrefix(r.Header.Get("If-None-Match"), "W/") == tag {
			a.status = http.StatusNotModified
			w.WriteHeader(a.status)
			return nil
		}
	}
	h.Set("Content-Length", fmt.Sprint(len(out)))
	w.WriteHeader(a.status)
	_, _ = w.Write(out)
	return out
}

// tested says that a request is the test's own, which meets no faults.
func (g *GitHub) tested(r *http.Request) bool { return r.Header.Get("X-Githubtest") == g.bypass }
