package api

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// me says who asks. It needs nobody to be signed in.
func (s *Server) me(c *call) error {
	m := Me{SignedIn: c.caller.known(), Login: c.caller.User.Login, ID: c.caller.User.ID, Admin: c.caller.Admin, Local: c.caller.Local, Can: []string{}, SignIn: []string{}, GitHub: s.Web}
	if c.caller.cookie {
		m.CSRF = s.seal.csrf(c.caller.session)
	}
	for _, p := range []struct {
		name string
		has  bool
	}{
		{"cancel", s.Actions.Cancel != nil}, {"rerun", s.Actions.Rerun != nil}, {"approve", s.Actions.Approve != nil},
		{"dispatch", s.Actions.Dispatch != nil && s.Directory != nil}, {"artifacts", s.Artifacts != nil},
		{"services", s.Services != nil && s.Directory != nil && c.caller.known()},
		{"deliveries", s.Ledger != nil && c.caller.Admin}, {"queue", s.Work != nil && c.caller.Admin},
	} {
		if p.has {
			m.Can = append(m.Can, p.name)
		}
	}
	if s.SignIn != nil {
		m.SignIn = append(m.SignIn, "github")
	}
	if s.LocalToken != "" && fromHere(c.r) {
		m.SignIn = append(m.SignIn, "token")
	}
	writeJSON(c.w, 200, m)
	return nil
}

func (s *Server) listRepositories(c *call) error {
	if s.Directory == nil {
		return notHere("list repositories")
	}
	all, err := s.Directory.Repositories(c.r.Context())
	if err != nil {
		return err
	}
	visible := []Repository{}
	for _, r := range all {
		can, err := s.permission(c.r.Context(), c.caller, r)
		if err != nil {
			return err
		}
		if can >= Read {
			visible = append(visible, r)
		}
	}
	writeJSON(c.w, 200, map[string]any{"repositories": visible})
	return nil
}

func (s *Server) listWorkflows(c *call) error {
	all, err := s.Directory.Workflows(c.r.Context(), c.repo, c.r.URL.Query().Get("ref"))
	if err != nil {
		return err
	}
	if all == nil {
		all = []Workflow{}
	}
	writeJSON(c.w, 200, map[string]any{"repository": c.repo.Name, "workflows": all, "mayDispatch": c.can >= Write && s.Actions.Dispatch != nil})
	return nil
}

func (s *Server) listArtifacts(c *call) error {
	all := []Artifact{}
	if s.Artifacts != nil {
		found, err := s.Artifacts.ListArtifacts(c.r.Context(), c.run.ID)
		if err != nil {
			return err
		}
		all = append(all, found...)
	}
	writeJSON(c.w, 200, map[string]any{"artifacts": all})
	return nil
}

func (s *Server) artifact(c *call) error {
	if s.Artifacts == nil {
		return notHere("give artifacts")
	}
	name := c.r.PathValue("artifact")
	st, ctx, done, err := s.open(c)
	if err != nil {
		return err
	}
	defer done()
	body, size, err := s.Artifacts.OpenArtifact(ctx, c.run.ID, name)
	if errors.Is(err, store.ErrNotFound) {
		return notFound("artifact")
	} else if err != nil {
		return err
	}
	defer body.Close()
	asFile(c.w.Header(), name+".zip", "application/zip")
	if size >= 0 {
		c.w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	}
	buf := make([]byte, 256<<10)
	for {
		n, err := body.Read(buf)
		if n > 0 && st.write(buf[:n]) != nil {
			return nil
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil { // half an archive must not look whole
			s.Log.Warn("a download ends early", "run", c.run.ID, "artifact", name, "err", err)
			panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to end a connection
		}
	}
}

func (s *Server) listDeliveries(c *call) error {
	if s.Ledger == nil {
		return notHere("list deliveries")
	}
	limit, err := number(c, "limit", defaultLimit, maxLimit)
	if err != nil {
		return err
	}
	v := c.r.URL.Query()
	f := LedgerFilter{Fate: store.Fate(v.Get("fate")), Event: v.Get("event"), Limit: int(limit)}
	if text := v.Get("before"); text != "" {
		if f.Before, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return badRequest("before %q: it is a time as 2026-01-02T15:04:05Z", text)
		}
	}
	all, err := s.Ledger.Deliveries(c.r.Context(), f)
	if err != nil {
		return err
	}
	page := map[string]any{"deliveries": all}
	if all == nil {
		page["deliveries"] = []Delivery{}
	}
	if len(all) == f.Limit {
		page["next"] = all[len(all)-1].Received
	}
	writeJSON(c.w, 200, page)
	return nil
}

func (s *Server) delivery(c *call) error {
	if s.Ledger == nil {
		return notHere("show deliveries")
	}
	d, err := s.Ledger.Delivery(c.r.Context(), store.DeliveryID(c.r.PathValue("delivery")))
	if errors.Is(err, store.ErrNotFound) {
		return notFound("delivery")
	} else if err != nil {
		return err
	}
	writeJSON(c.w, 200, d)
	return nil
}

func (s *Server) queue(c *call) error {
	if s.Work == nil {
		return notHere("show a queue")
	}
	q, err := s.Work.Queue(c.r.Context())
	if err != nil {
		return err
	}
	writeJSON(c.w, 200, q)
	return nil
}

// health says that the process lives, ready that it can work.
func (s *Server) health(c *call) error {
	writeJSON(c.w, 200, map[string]string{"status": "ok"})
	return nil
}

func (s *Server) ready(c *call) error {
	down := func(what string, err error) error {
		s.Log.Warn("not ready", "part", what, "err", err)
		return refuse(http.StatusServiceUnavailable, CodeUnavailable, "", "%s is not ready", what)
	}
	select {
	case <-s.draining:
		return down("the server", errDraining)
	default:
	}
	if _, err := s.Backend.Runs(c.r.Context(), Query{Limit: 1}); err != nil {
		return down("the store", err)
	}
	if s.Ready != nil {
		if err := s.Ready(c.r.Context()); err != nil {
			return down("the server", err)
		}
	}
	writeJSON(c.w, 200, map[string]string{"status": "ready"})
	return nil
}

func (s *Server) metrics(c *call) error {
	if s.Metrics == nil {
		return notHere("give metrics")
	}
	if !s.PublicMetrics && !c.caller.Admin && !fromHere(c.r) {
		return refuse(http.StatusForbidden, CodeForbidden, "ask on the server's own machine, or as an admin", "metrics are not public")
	}
	s.Metrics.handler.ServeHTTP(c.w, c.r)
	return nil
}
