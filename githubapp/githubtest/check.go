package githubtest

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// CheckRun is a check run. The fields are GitHub's.
type CheckRun struct {
	ID          int64
	Name        string
	SHA         string
	Status      string
	Conclusion  string
	ExternalID  string
	DetailsURL  string
	Title       string
	Summary     string
	Text        string
	Annotations []Annotation
	Actions     []Action
	Started     time.Time
	Completed   time.Time
	Requests    int // that made and changed it

	repo  *Repository
	suite *checkSuite
}

// Annotation is a remark on lines of a file.
type Annotation struct {
	Path        string `json:"path"`
	StartLine   int    `json:"start_line"`
	EndLine     int    `json:"end_line"`
	StartColumn *int   `json:"start_column"`
	EndColumn   *int   `json:"end_column"`
	Level       string `json:"annotation_level"`
	Message     string `json:"message"`
	Title       string `json:"title"`
	RawDetails  string `json:"raw_details"`
}

// Action is a button of a check run.
type Action struct {
	Label       string `json:"label"`
	Description string `json:"description"`
	Identifier  string `json:"identifier"`
}

type checkSuite struct {
	id            int64
	repo          *Repository
	sha, branch   string
	before        string
	made, updated time.Time
}

func checkRoutes() []route {
	const repo = " /repos/{owner}/{repo}"
	return []route{
		{"POST" + repo + "/check-runs", writes("checks"), (*call).checkCreate},
		{"GET" + repo + "/check-runs/{check_run_id}", reads("checks"), (*call).checkShow},
		{"PATCH" + repo + "/check-runs/{check_run_id}", writes("checks"), (*call).checkUpdate},
		{"GET" + repo + "/check-runs/{check_run_id}/annotations", reads("checks"), (*call).checkAnnotations},
		{"POST" + repo + "/check-runs/{check_run_id}/rerequest", writes("checks"), (*call).checkRerequest},
		{"POST" + repo + "/check-suites", writes("checks"), (*call).suiteCreate},
		{"GET" + repo + "/check-suites/{check_suite_id}", reads("checks"), (*call).suiteShow},
		{"GET" + repo + "/check-suites/{check_suite_id}/check-runs", reads("checks"), (*call).suiteRuns},
		{"POST" + repo + "/check-suites/{check_suite_id}/rerequest", writes("checks"), (*call).suiteRerequest},
	}
}

// CheckRuns are those of a commit, "": of all, the oldest first.
func (g *GitHub) CheckRuns(r *Repository, sha string) []CheckRun {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []CheckRun
	for _, c := range r.checks {
		if sha == "" || c.SHA == sha {
			one := *c
			one.Annotations, one.Actions = slices.Clone(c.Annotations), slices.Clone(c.Actions)
			all = append(all, one)
		}
	}
	return all
}

// suiteFor finds the App's suite for a commit. A push makes one and tells of it.
func (r *Repository) suiteFor(sha, branch, before string) *checkSuite {
	for _, s := range r.suites {
		if s.sha == sha {
			return s
		}
	}
	s := &checkSuite{id: r.gh.id("suite"), repo: r, sha: sha, branch: branch, before: before, made: r.gh.now(), updated: r.gh.now()}
	r.suites = append(r.suites, s)
	if before != "" {
		r.gh.emit(delivered{event: "check_suite", action: "requested", repo: r, by: r.defaultActor(), body: object{"check_suite": s.payload()}})
	}
	return s
}

// checkInput is what create and update take.
type checkInput struct {
	Name       *string    `json:"name"`
	SHA        string     `json:"head_sha"`
	DetailsURL *string    `json:"details_url"`
	ExternalID *string    `json:"external_id"`
	Status     *string    `json:"status"`
	Conclusion *string    `json:"conclusion"`
	Started    *time.Time `json:"started_at"`
	Completed  *time.Time `json:"completed_at"`
	Output     *struct {
		Title       *string      `json:"title"`
		Summary     *string      `json:"summary"`
		Text        *string      `json:"text"`
		Annotations []Annotation `json:"annotations"`
	} `json:"output"`
	Actions []Action `json:"actions"`
}

const (
	mostAnnotations = 50
	mostActions     = 3
	mostText        = 65535
)

var (
	checkStatuses    = []string{"queued", "in_progress", "completed", "waiting", "requested", "pending"}
	checkConclusions = []string{"action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out"}
	checkLevels      = []string{"notice", "warning", "failure"}
)

// check refuses what GitHub refuses. GitHub docs: rest/checks/runs
func (in *checkInput) check() *answer {
	bad := func(field, code string) *answer {
		a := invalid("CheckRun", field, code)
		return &a
	}
	switch {
	case in.Name != nil && *in.Name == "":
		return bad("name", "missing_field")
	case in.Status != nil && !slices.Contains(checkStatuses, *in.Status):
		return bad("status", "invalid")
	case in.Conclusion != nil && !slices.Contains(checkConclusions, *in.Conclusion):
		return bad("conclusion", "invalid")
	case in.Status != nil && *in.Status == "completed" && in.Conclusion == nil:
		return bad("conclusion", "missing_field")
	case len(in.Actions) > mostActions:
		return bad("actions", "invalid")
	}
	for _, a := range in.Actions {
		if a.Label == "" || len(a.Label) > 20 || len(a.Description) > 40 || a.Identifier == "" || len(a.Identifier) > 20 {
			return bad("actions", "invalid")
		}
	}
	o := in.Output
	if o == nil {
		return nil
	}
	switch {
	case o.Summary == nil:
		return bad("summary", "missing_field")
	case len(*o.Summary) > mostText:
		return bad("summary", "too_long")
	case o.Text != nil && len(*o.Text) > mostText:
		return bad("text", "too_long")
	case len(o.Annotations) > mostAnnotations:
		return bad("annotations", "invalid")
	}
	for _, a := range o.Annotations {
		if a.Path == "" || a.StartLine < 1 || a.EndLine < a.StartLine || !slices.Contains(checkLevels, a.Level) || a.Message == "" ||
			len(a.Message) > 64<<10 || len(a.Title) > 255 || len(a.RawDetails) > 64<<10 || a.StartColumn != nil && a.StartLine != a.EndLine {
			return bad("annotations", "invalid")
		}
	}
	return nil
}

func (c *call) checkCreate() answer {
	if c.who.installation == nil {
		return fail(http.StatusForbidden, "You must authenticate via a GitHub App.")
	}
	in := checkInput{}
	if bad := c.decode(&in); bad != nil {
		return *bad
	}
	if in.Name == nil {
		return invalid("CheckRun", "name", "missing_field")
	}
	if bad := in.check(); bad != nil {
		return *bad
	}
	at, found := c.repo.git.commit(in.SHA)
	if !found || at.sha != in.SHA {
		return unprocessable("No commit found for SHA: " + in.SHA)
	}
	k := &CheckRun{ID: c.gh.id("check"), SHA: in.SHA, Status: "queued", repo: c.repo, suite: c.repo.suiteFor(in.SHA, "", "")}
	k.apply(&in, c.gh.now())
	if k.Started.IsZero() {
		k.Started = c.gh.now()
	}
	c.repo.checks = append(c.repo.checks, k)
	c.gh.emit(delivered{event: "check_run", action: "created", repo: c.repo, by: c.gh.bot(), body: object{"check_run": k.payload()}})
	if k.Status == "completed" {
		c.gh.emit(delivered{event: "check_run", action: "completed", repo: c.repo, by: c.gh.bot(), body: object{"check_run": k.payload()}})
	}
	return created(k.json())
}

func (c *call) checkUpdate() answer {
	k, bad := c.checkAsked()
	if bad != nil {
		return *bad
	}
	if c.who.installation == nil {
		return fail(http.StatusForbidden, "You must authenticate via a GitHub App.")
	}
	in := checkInput{}
	if bad := c.decode(&in); bad != nil {
		return *bad
	}
	if bad := in.check(); bad != nil {
		return *bad
	}
	before := k.Status
	k.apply(&in, c.gh.now())
	if before != "completed" && k.Status == "completed" {
		c.gh.emit(delivered{event: "check_run", action: "completed", repo: c.repo, by: c.gh.bot(), body: object{"check_run": k.payload()}})
	}
	return ok(k.json())
}

// apply changes what was named. Annotations are added to those before.
func (k *CheckRun) apply(in *checkInput, now time.Time) {
	k.Requests++
	set := func(to *string, from *string) {
		if from != nil {
			*to = *from
		}
	}
	set(&k.Name, in.Name)
	set(&k.DetailsURL, in.DetailsURL)
	set(&k.ExternalID, in.ExternalID)
	if in.Status != nil {
		k.Status = *in.Status
		if k.Status != "completed" {
			k.Conclusion, k.Completed = "", time.Time{}
		}
	}
	if in.Started != nil {
		k.Started = *in.Started
	}
	if in.Conclusion != nil {
		k.Conclusion, k.Status, k.Completed = *in.Conclusion, "completed", now
	}
	if in.Completed != nil {
		k.Completed = *in.Completed
	}
	if o := in.Output; o != nil {
		set(&k.Title, o.Title)
		set(&k.Summary, o.Summary)
		set(&k.Text, o.Text)
		k.Annotations = append(k.Annotations, o.Annotations...)
	}
	if in.Actions != nil {
		k.Actions = in.Actions
	}
	k.suite.updated = now
}

func (c *call) checkAsked() (*CheckRun, *answer) {
	id, _ := strconv.ParseInt(c.r.PathValue("check_run_id"), 10, 64)
	for _, k := range c.repo.checks {
		if k.ID == id {
			return k, nil
		}
	}
	return nil, notFound()
}

func (c *call) checkShow() answer {
	k, bad := c.checkAsked()
	if bad != nil {
		return *bad
	}
	return ok(k.json())
}

func (c *call) checkAnnotations() answer {
	k, bad := c.checkAsked()
	if bad != nil {
		return *bad
	}
	var all []any
	for _, a := range k.Annotations {
		all = append(all, object{
			"path": a.Path, "blob_href": c.gh.web("%s/blob/%s/%s", c.repo.FullName, k.SHA, escapePath(a.Path)), "start_line": a.StartLine, "end_line": a.EndLine,
			"start_column": a.StartColumn, "end_column": a.EndColumn, "annotation_level": a.Level, "title": a.Title, "message": a.Message, "raw_details": a.RawDetails,
		})
	}
	return list(all, "")
}

// checksOf is GET /repos/{owner}/{repo}/commits/{ref}/check-runs.
func (c *call) checksOf(at *commit) answer {
	if at == nil {
		return unprocessable("No commit found for SHA")
	}
	return c.listChecks(func(k *CheckRun) bool { return k.SHA == at.sha })
}

// listChecks filters as the query says: by default only the latest of a name.
func (c *call) listChecks(want func(*CheckRun) bool) answer {
	q := c.r.URL.Query()
	seen := map[string]bool{}
	var all []any
	for _, k := range slices.Backward(c.repo.checks) {
		switch {
		case !want(k), q.Get("check_name") != "" && q.Get("check_name") != k.Name, q.Get("status") != "" && q.Get("status") != k.Status,
			q.Get("app_id") != "" && q.Get("app_id") != itoa(c.gh.app.ID), q.Get("filter") != "all" && seen[k.Name]:
			continue
		}
		seen[k.Name] = true
		all = append(all, k.json())
	}
	return list(all, "check_runs")
}
