package githubtest

import (
	"net/http"
	"strconv"
)

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func (k *CheckRun) json() object {
	g, r := k.repo.gh, k.repo
	self := r.at("check-runs/%d", k.ID)
	details := k.DetailsURL
	if details == "" {
		details = g.web("apps/%s", g.app.Slug)
	}
	return object{
		"id": k.ID, "name": k.Name, "node_id": nodeID("CheckRun", k.ID), "head_sha": k.SHA, "external_id": k.ExternalID, "url": self,
		"html_url": g.web("%s/runs/%d", r.FullName, k.ID), "details_url": details, "status": k.Status, "conclusion": orNull(k.Conclusion),
		"started_at": stampOrNull(k.Started), "completed_at": stampOrNull(k.Completed),
		"output": object{
			"title": orNull(k.Title), "summary": orNull(k.Summary), "text": orNull(k.Text), "annotations_count": len(k.Annotations),
			"annotations_url": self + "/annotations",
		},
		"check_suite": object{"id": k.suite.id}, "app": g.appJSON(&g.app), "pull_requests": r.pullsAt(k.SHA),
	}
}

// payload is the check run of a webhook: its suite is spelled out.
func (k *CheckRun) payload() object {
	out := k.json()
	out["check_suite"] = k.suite.brief()
	return out
}

// state sums up the runs of a suite.
func (s *checkSuite) state() (status, conclusion string, runs int) {
	status = "completed"
	worst := 0
	order := []string{"success", "neutral", "skipped", "stale", "cancelled", "timed_out", "action_required", "failure"}
	for _, k := range s.repo.checks {
		if k.suite != s {
			continue
		}
		runs++
		if k.Status != "completed" {
			status = "in_progress"
		}
		for i, c := range order {
			if c == k.Conclusion {
				worst = max(worst, i)
			}
		}
	}
	switch {
	case runs == 0:
		return "queued", "", 0
	case status != "completed":
		return status, "", runs
	}
	return status, order[worst], runs
}

func (s *checkSuite) brief() object {
	g, r := s.repo.gh, s.repo
	status, conclusion, _ := s.state()
	return object{
		"id": s.id, "node_id": nodeID("CheckSuite", s.id), "head_branch": orNull(s.branch), "head_sha": s.sha, "status": status, "conclusion": orNull(conclusion),
		"url": r.at("check-suites/%d", s.id), "before": orNull(s.before), "after": s.sha, "pull_requests": r.pullsAt(s.sha), "app": g.appJSON(&g.app),
		"created_at": stamp(s.made), "updated_at": stamp(s.updated),
	}
}

// payload is the suite of a webhook.
func (s *checkSuite) payload() object {
	out := s.brief()
	_, _, runs := s.state()
	out["latest_check_runs_count"], out["check_runs_url"] = runs, s.repo.at("check-suites/%d/check-runs", s.id)
	out["head_commit"] = s.repo.simpleCommit(s.sha)
	out["rerequestable"], out["runs_rerequestable"] = true, true
	return out
}

func (s *checkSuite) json() object {
	out := s.payload()
	out["repository"] = s.repo.json(shapeSmall)
	return out
}

func (c *call) suiteAsked() (*checkSuite, *answer) {
	id, _ := strconv.ParseInt(c.r.PathValue("check_suite_id"), 10, 64)
	for _, s := range c.repo.suites {
		if s.id == id {
			return s, nil
		}
	}
	return nil, notFound()
}

func (c *call) suiteShow() answer {
	s, bad := c.suiteAsked()
	if bad != nil {
		return *bad
	}
	return ok(s.json())
}

func (c *call) suiteRuns() answer {
	s, bad := c.suiteAsked()
	if bad != nil {
		return *bad
	}
	return c.listChecks(func(k *CheckRun) bool { return k.suite == s })
}

func (c *call) suitesOf(at *commit) answer {
	if at == nil {
		return unprocessable("No commit found for SHA")
	}
	var all []any
	for _, s := range c.repo.suites {
		if s.sha == at.sha {
			all = append(all, s.json())
		}
	}
	return list(all, "check_suites")
}

func (c *call) suiteCreate() answer {
	var in struct {
		SHA string `json:"head_sha"`
	}
	if bad := c.decode(&in); bad != nil {
		return *bad
	}
	if at, found := c.repo.git.commit(in.SHA); !found || at.sha != in.SHA {
		return unprocessable("No commit found for SHA: " + in.SHA)
	}
	before := len(c.repo.suites)
	s := c.repo.suiteFor(in.SHA, "", "")
	if len(c.repo.suites) == before {
		return ok(s.json())
	}
	return created(s.json())
}

func (c *call) checkRerequest() answer {
	k, bad := c.checkAsked()
	if bad != nil {
		return *bad
	}
	c.gh.emit(delivered{event: "check_run", action: "rerequested", repo: c.repo, by: c.gh.actor(c.who), body: object{"check_run": k.payload()}})
	return answer{status: http.StatusCreated, body: object{}}
}

func (c *call) suiteRerequest() answer {
	s, bad := c.suiteAsked()
	if bad != nil {
		return *bad
	}
	c.gh.emit(delivered{event: "check_suite", action: "rerequested", repo: c.repo, by: c.gh.actor(c.who), body: object{"check_suite": s.payload()}})
	return answer{status: http.StatusCreated, body: object{}}
}

// Rerequest presses "Re-run" at a check run.
func (g *GitHub) Rerequest(check int64, login string) {
	g.t.Helper()
	g.press(check, login, "rerequested", nil)
}

// RequestAction presses one of a check run's own buttons.
func (g *GitHub) RequestAction(check int64, login, identifier string) {
	g.t.Helper()
	g.press(check, login, "requested_action", object{"identifier": identifier})
}

func (g *GitHub) press(check int64, login, action string, requested object) {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range g.repositories {
		for _, k := range r.checks {
			if k.ID != check {
				continue
			}
			body := object{"check_run": k.payload()}
			if requested != nil {
				body["requested_action"] = requested
			}
			g.emit(delivered{event: "check_run", action: action, repo: r, by: r.person(login), body: body})
			return
		}
	}
	g.t.Fatalf("press a button of check run %d: there is none", check)
}

// RerequestSuite presses "Re-run all checks" of a commit.
func (r *Repository) RerequestSuite(sha, login string) {
	r.gh.mu.Lock()
	defer r.gh.mu.Unlock()
	s := r.suiteFor(sha, "", "")
	r.gh.emit(delivered{event: "check_suite", action: "rerequested", repo: r, by: r.person(login), body: object{"check_suite": s.payload()}})
}
