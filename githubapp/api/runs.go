package api

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// runPage is a list of runs; Next is `before` of the following page, 0 at the end.
type runPage struct {
	Runs []Run       `json:"runs"`
	Next store.RunID `json:"next,omitempty"`
}

const (
	defaultLimit = 30
	maxLimit     = 100
	maxScanned   = 2000 // runs that are looked at for one page
)

func number(c *call, name string, fallback, most int64) (int64, error) {
	text := c.r.URL.Query().Get(name)
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, badRequest("%s %q: it is a number", name, text)
	}
	if n == 0 {
		return fallback, nil
	}
	return min(n, most), nil
}

// listRuns lists those that the caller may see. Others are left out, so a page
// may be short; next says whether there is more.
func (s *Server) listRuns(c *call) error {
	v := c.r.URL.Query()
	before, err := number(c, "before", 0, 1<<62)
	if err != nil {
		return err
	}
	limit, err := number(c, "limit", defaultLimit, maxLimit)
	if err != nil {
		return err
	}
	q := Query{
		Repository: v.Get("repository"), Workflow: v.Get("workflow"), Event: v.Get("event"), Branch: v.Get("branch"), Actor: v.Get("actor"),
		State: store.State(v.Get("state")), Conclusion: plan.Conclusion(v.Get("conclusion")), Text: v.Get("q"), Delivery: store.DeliveryID(v.Get("delivery")),
		Before: store.RunID(before), Limit: int(limit) + 1,
	}
	page := runPage{Runs: []Run{}}
	for scanned := 0; ; {
		runs, err := s.Backend.Runs(c.r.Context(), q)
		if err != nil {
			return err
		}
		for _, r := range runs {
			can, err := s.permission(c.r.Context(), c.caller, r.of())
			if err != nil {
				return err
			}
			if can < Read {
				continue
			}
			if len(page.Runs) == int(limit) {
				page.Next = page.Runs[limit-1].ID
				writeJSON(c.w, 200, page)
				return nil
			}
			page.Runs = append(page.Runs, r)
		}
		scanned += len(runs)
		if len(runs) < q.Limit {
			break
		}
		q.Before = runs[len(runs)-1].ID
		if scanned >= maxScanned {
			page.Next = q.Before
			break
		}
		q.Limit = maxLimit
	}
	writeJSON(c.w, 200, page)
	return nil
}

func (s *Server) oneRun(c *call) error {
	attempt, err := number(c, "attempt", 0, 1<<30)
	if err != nil {
		return err
	}
	r, err := s.Backend.Run(c.r.Context(), c.run.ID, int(attempt))
	if err != nil {
		return err
	}
	r.Can = s.possible(c, r)
	writeJSON(c.w, 200, r)
	return nil
}

// possible is what the caller may do with a run now. Whether somebody reviews
// an environment is known when they try.
func (s *Server) possible(c *call, r Run) []string {
	can := []string{}
	if r.Attempt == c.run.Attempt && c.can >= Write {
		if s.Actions.Cancel != nil && r.State != store.Completed {
			can = append(can, "cancel")
		}
		if s.Actions.Rerun != nil && r.State == store.Completed {
			can = append(can, "rerun")
		}
	}
	wanted := slices.ContainsFunc(r.Approvals, func(w Wanted) bool { return w.Environment != "" || c.can >= Write })
	if s.Actions.Approve != nil && wanted {
		can = append(can, "approve")
	}
	return can
}

// watchRun sends the run whenever it has changed, until it has ended.
func (s *Server) watchRun(c *call) error {
	type look struct {
		frame []byte
		over  bool
	}
	id, backend := c.run.ID, s.Backend
	var last string
	return s.watch(c, fmt.Sprintf("run %d", id), lookAtRun, func(ctx context.Context) (any, bool) {
		r, err := backend.Run(ctx, id, 0)
		if err != nil {
			return look{over: true}, gone(err)
		}
		data, err := json.Marshal(r)
		if err != nil || string(data) == last {
			return nil, false
		}
		last = string(data)
		return look{fmt.Appendf(nil, "data: %s\n\n", data), r.State == store.Completed}, true
	}, func(st *stream, value any) (bool, error) {
		v, _ := value.(look)
		if err := st.write(v.frame); err != nil || !v.over {
			return false, err
		}
		return true, st.write([]byte("event: end\ndata:\n\n"))
	})
}

// watchRuns sends runs that have changed since the watcher came.
func (s *Server) watchRuns(c *call) error {
	type seen map[store.RunID]Run
	var last map[store.RunID]string // as JSON
	look := func(ctx context.Context) (any, bool) {
		runs, err := s.Backend.Runs(ctx, Query{Limit: maxLimit})
		if err != nil {
			return nil, false
		}
		now, all := map[store.RunID]string{}, seen{}
		for _, r := range runs {
			data, _ := json.Marshal(r)
			now[r.ID], all[r.ID] = string(data), r
		}
		if last != nil && maps.Equal(now, last) {
			return nil, false
		}
		last = now
		return all, true
	}
	var before seen
	same := func(a, b Run) bool {
		x, _ := json.Marshal(a)
		y, _ := json.Marshal(b)
		return string(x) == string(y)
	}
	return s.watch(c, "runs", lookAtRuns, look, func(st *stream, value any) (bool, error) {
		all, _ := value.(seen)
		old := before
		before = all
		if old == nil {
			return false, nil // what is there now the watcher has asked for
		}
		ids := slices.Sorted(maps.Keys(all))
		for _, id := range ids {
			r := all[id]
			if was, ok := old[id]; ok && same(was, r) {
				continue
			}
			ctx, cancel := context.WithTimeout(c.r.Context(), 10*time.Second)
			can, err := s.permission(ctx, c.caller, r.of())
			cancel()
			if err != nil || can < Read {
				continue
			}
			data, _ := json.Marshal(r)
			if err := st.write(fmt.Appendf(nil, "data: %s\n\n", data)); err != nil {
				return true, err
			}
		}
		return false, nil
	})
}

func (s *Server) summaries(c *call) error {
	attempt, err := number(c, "attempt", 0, 1<<30)
	if err != nil {
		return err
	}
	all, err := s.Backend.Summaries(c.r.Context(), c.run.ID, int(attempt))
	if err != nil {
		return err
	}
	for i := range all {
		all[i].HTML = RenderMarkdown(all[i].Markdown)
	}
	if all == nil {
		all = []Summary{}
	}
	writeJSON(c.w, 200, map[string]any{"summaries": all})
	return nil
}
