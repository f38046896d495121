package githubtest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
)

// moved is a reference that a push changed.
type moved struct {
	ref, before, after string
}

// serveGit is git's smart protocol over HTTP.
// git: Documentation/gitprotocol-http.txt
func (g *GitHub) serveGit(w http.ResponseWriter, r *http.Request) {
	path, service, known := gitPath(r)
	if !known {
		http.Error(w, "Not Found", http.StatusNotFound)
		return
	}
	spoil := g.faults.decide(r, g.tested(r))
	if spoil.before(w, r) {
		return
	}
	repo, who, bad := g.admit(r, path, service)
	if bad != nil {
		if bad.status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
		}
		http.Error(w, fmt.Sprint(bad.body.(object)["message"]), bad.status)
		return
	}
	w.Header().Set("Cache-Control", "no-cache, max-age=0, must-revalidate")
	if r.Method == http.MethodGet {
		w.Header().Set("Content-Type", "application/x-"+service+"-advertisement")
		line := "# service=" + service + "\n"
		fmt.Fprintf(w, "%04x%s0000", len(line)+4, line)
		serveService(w, r, repo, service, nil, "--http-backend-info-refs")
		return
	}
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = z
	}
	w.Header().Set("Content-Type", "application/x-"+service+"-result")
	if service == "git-upload-pack" {
		serveService(w, r, repo, service, body)
		return
	}
	g.receive(w, r, repo, who, body, spoil)
}

// gitPath takes /octo/demo.git/info/refs apart.
func gitPath(r *http.Request) (path, service string, known bool) {
	if p, found := strings.CutSuffix(r.URL.Path, "/info/refs"); found && r.Method == http.MethodGet {
		path, service = p, r.URL.Query().Get("service")
	} else if i := strings.LastIndexByte(r.URL.Path, '/'); r.Method == http.MethodPost && i > 0 {
		path, service = r.URL.Path[:i], r.URL.Path[i+1:]
	}
	known = service == "git-upload-pack" || service == "git-receive-pack"
	return strings.TrimSuffix(strings.Trim(path, "/"), ".git"), service, known
}

// admit checks who wants to read or write.
func (g *GitHub) admit(r *http.Request, path, service string) (*Repository, caller, *answer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	who, bad := g.authenticate(r)
	if bad != nil {
		return nil, who, bad
	}
	repo := g.find(path)
	if repo == nil {
		repo = g.renamed[strings.ToLower(path)]
	}
	if repo == nil || repo.deleted {
		if who.anonymous() {
			return nil, who, refused("Authentication required")
		}
		return nil, who, notFound()
	}
	n := reads("contents")
	if service == "git-receive-pack" {
		n = writes("contents")
	}
	bad = g.mayUse(who, repo, n)
	if bad != nil && who.anonymous() {
		bad = refused("Authentication required")
	}
	return repo, who, bad
}

// serveService runs git for one request.
func serveService(w io.Writer, r *http.Request, repo *Repository, service string, in io.Reader, args ...string) {
	args = append([]string{strings.TrimPrefix(service, "git-"), "--stateless-rpc"}, append(args, repo.git.path)...)
	cmd := exec.CommandContext(r.Context(), "git", args...)
	cmd.Env = gitEnv("GIT_PROTOCOL=" + r.Header.Get("Git-Protocol"))
	cmd.Stdin, cmd.Stdout = in, w
	_ = cmd.Run() // git has told the other side
}

// receive takes a push and tells of it.
func (g *GitHub) receive(w http.ResponseWriter, r *http.Request, repo *Repository, who caller, body io.Reader, spoil spoiled) {
	in, err := io.ReadAll(body)
	if err != nil {
		return
	}
	repo.pushing.Lock()
	defer repo.pushing.Unlock()
	var out bytes.Buffer
	serveService(&out, r, repo, "git-receive-pack", bytes.NewReader(in))
	g.mu.Lock()
	var done []moved
	for _, m := range commands(in) {
		now, _, _, there := repo.git.object(m.ref)
		if there && now == m.after || !there && m.after == zeroSHA {
			done = append(done, m)
		}
	}
	repo.received(done, g.actor(who))
	g.mu.Unlock()
	if !spoil.after(w) {
		_, _ = w.Write(out.Bytes())
	}
}

// commands are what a push asks for: packet lines "old new ref" up to a flush.
// git: Documentation/gitprotocol-pack.txt
func commands(in []byte) []moved {
	var all []moved
	for len(in) >= 4 {
		n, err := strconv.ParseUint(string(in[:4]), 16, 16)
		if err != nil || n < 4 || int(n) > len(in) {
			break
		}
		line, _, _ := strings.Cut(string(in[4:n]), "\x00")
		f := strings.Fields(line)
		if len(f) == 3 && len(f[0]) == 40 && len(f[1]) == 40 {
			all = append(all, moved{f[2], f[0], f[1]})
		}
		in = in[n:]
	}
	return all
}
