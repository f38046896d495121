package ui_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// TestViews goes through all views: wide, narrow and dark. Nothing may overflow,
// and the browser may complain of nothing.
func TestViews(t *testing.T) {
	s := open(t)
	id := s.history()
	s.declared()
	views := []struct{ name, path, ready string }{
		{"runs", "/", ".rows .row"},
		{"run", fmt.Sprintf("/runs/%d", id), ".graph svg"},
		{"running", fmt.Sprintf("/runs/%d", id+1), ".graph svg"},
		{"approval", fmt.Sprintf("/runs/%d", id-1), ".note"},
		{"job", fmt.Sprintf("/runs/%d/attempts/1/jobs?id=test%%2F1", id), ".lrow .tx"},
		{"dispatch", "/dispatch?repository=octo/harbour", "form button.main"},
		{"deliveries", "/deliveries", ".rows .row"},
		{"delivery", "/deliveries/d-push", "table.plain"},
		{"queue", "/queue", "table.plain"},
		{"services", "/services", "table.plain"},
		{"service", "/services/octo/harbour/lighthouse", ".commits li"},
	}
	for _, mode := range []string{"light", "dark", "narrow"} {
		s.dark(mode == "dark")
		s.size(1280, 800)
		if mode == "narrow" {
			s.size(360, 740)
		}
		for _, v := range views {
			s.visit(v.path, v.ready)
			s.run(chromedp.Sleep(150 * time.Millisecond))
			s.shot(v.name + "-" + mode)
			if over := s.none(`[document.documentElement.scrollWidth - innerWidth].filter((x) => x > 0).map(String)`); len(over) > 0 {
				t.Errorf("%s, %s: %s pixels wider than the window", v.name, mode, over)
			}
			if bad := s.none(unnamed); len(bad) > 0 {
				t.Errorf("%s, %s: nobody can tell what these are: %q", v.name, mode, bad)
			}
			if bad := s.none(contrast); len(bad) > 0 {
				t.Errorf("%s, %s: hard to read: %q", v.name, mode, bad)
			}
		}
	}
}

// unnamed finds controls without a name for those who cannot see them.
const unnamed = `[...document.querySelectorAll('a[href], button, input, select')].filter(e => e.offsetParent &&
 !(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length)).map(e => e.outerHTML.slice(0, 120))`

// contrast finds text below 4.5:1 (WCAG 2, AA).
const contrast = `(() => {
  const rgb = (c) => { const m = c.match(/[\d.]+/g).map(Number); return m.length > 3 ? m : [...m, 1]; };
  const lum = (c) => { const [r, g, b] = c.map((x) => { x /= 255; return x <= .04045 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
  const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] > .99) return c.slice(0, 3); } return [255, 255, 255]; };
  const out = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; (n = walk.nextNode());) {
    const e = n.parentElement;
    if (!n.data.trim() || !e.offsetParent || e.closest('svg, option, :disabled')) continue;
    if (getComputedStyle(e).opacity < 1) continue;
    const a = lum(rgb(getComputedStyle(e).color).slice(0, 3)), b = lum(behind(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) out.add(e.className + ' ' + n.data.slice(0, 20) + ' ' + ratio.toFixed(2));
  }
  return [...out];
})()`

// TestLostScripts: a page whose scripts the network lost comes up all the same.
func TestLostScripts(t *testing.T) {
	for name, test := range map[string]struct {
		path, shown string
		lose        map[string]int
	}{
		"all": {"/", ".rows .row", map[string]int{
			"/assets/js/main.js": 2, "/assets/js/api.js": 2, "/assets/js/dom.js": 2, "/assets/js/keys.js": 2, "/assets/js/job.js": 2,
		}},
		"a part":                {"/", ".rows .row", map[string]int{"/assets/js/format.js": 2}},
		"the view":              {"/", ".rows .row", map[string]int{"/assets/js/runs.js": 2}},
		"a part of a view":      {"/runs/%d", ".graph svg", map[string]int{"/assets/js/graph.js": 2}},
		"the question who I am": {"/", ".rows .row", map[string]int{"/api/v1/me": 2}},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			id := s.history()
			s.mu.Lock()
			s.lose = test.lose
			s.mu.Unlock()
			s.run(chromedp.Navigate(s.url + strings.ReplaceAll(test.path, "%d", fmt.Sprint(id))))
			shown := false
			for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); { // a page that loads itself again cannot be asked meanwhile
				n, err := chromedp.Run(s.tab, chromedp.Evaluate[int](fmt.Sprintf("document.querySelectorAll(%q).length", test.shown)))
				if shown = err == nil && n > 0; shown {
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
			if !shown {
				t.Errorf("%s is not shown", test.shown)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			for path, n := range s.lose {
				if n == 2 {
					t.Errorf("%s was not asked for", path)
				}
			}
		})
	}
}

// TestActions presses the buttons.
func TestActions(t *testing.T) {
	s := open(t)
	id := s.history()
	s.visit(fmt.Sprintf("/runs/%d", id), `button[data-key="failed"]`)
	s.run(click(`button[data-key="failed"]`))
	s.await(fmt.Sprintf("rerun %d failed", id))
	s.visit(fmt.Sprintf("/runs/%d", id+1), `button[data-key="cancel"]`)
	s.run(click(`button[data-key="cancel"]`))
	s.await(fmt.Sprintf("cancel %d false", id+1))
	s.visit(fmt.Sprintf("/runs/%d", id-1), `.note button.main`)
	s.run(chromedp.SendKeys(chromedp.CSS(`.note input`), "looks fine"), click(`.note button.main`))
	s.await(fmt.Sprintf("approved %d  4f2a9c0d11ee7733aa55 looks fine", id-1))
	s.visit("/dispatch?repository=octo/harbour", `#input-version`)
	s.run(chromedp.SendKeys(chromedp.CSS(`#input-version`), "v1.2"), chromedp.SetValue(chromedp.CSS(`#input-where`), "production"), click(`#input-dry`), click(`form button.main`))
	s.await("dispatch octo/harbour .github/workflows/deploy.yml map[dry:false replicas:3 version:v1.2 where:production]")
}

// slash is the key alone: chromedp would type the character even though the page
// takes the key.
var slash = chromedp.Evaluate[chromedp.Void](`document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: '/', bubbles: true}))`)

// TestKeyboard uses the page without a mouse.
func TestKeyboard(t *testing.T) {
	s := open(t)
	id := s.history()
	s.visit("/", ".rows .row")
	s.run(press("?"), visible(`dialog[open]`))
	s.shot("help")
	s.run(press(kb.Escape), chromedp.WaitNotVisible(chromedp.CSS("dialog")))
	s.run(press("j"), press("j"), press(kb.Enter), visible(".graph svg"))
	if at := eval[string](s, `location.pathname`); at != fmt.Sprintf("/runs/%d", id) {
		t.Errorf("j, j, Enter went to %s", at)
	}
	// The graph is reached with Tab, and each node says what it is.
	label := eval[string](s, `(() => { const a = document.querySelector('.graph a[aria-label^="image"]'); a.focus(); return document.activeElement.getAttribute('aria-label'); })()`)
	if label != "image: passed, needs build, lint" {
		t.Errorf("the node is called %q", label)
	}
	s.run(press(kb.Enter), visible(".log"))
	s.run(press("g"), press("r"), visible(".rows .row"), slash)
	if on := eval[string](s, `document.activeElement.type`); on != "search" {
		t.Errorf("/ went to %q", on)
	}
	s.run(press("anchors"), poll(`document.querySelectorAll('.rows .row').length === 1`))
	if at := eval[string](s, `location.search`); at != "?q=anchors" {
		t.Errorf("the address says %q", at)
	}

	s.visit(fmt.Sprintf("/runs/%d/attempts/1/jobs?id=test%%2F1#step:3:44", id), ".lrow.here")
	if text := eval[string](s, `document.querySelector('.lrow.here .tx').textContent`); text != "    anchor_test.go:41: weighed 3 anchors, want 4" {
		t.Errorf("the link shows %q", text)
	}
	s.run(press("t"), poll(`getComputedStyle(document.querySelector('.ts')).display !== 'none'`), slash)
	s.run(press("QUAY07"), visible(`.lrow.found mark`))
	s.run(press(kb.Escape), press("e"), poll(`document.querySelector('.lrow.here')?.classList.contains('error')`))
	s.shot("search")
	s.run(chromedp.Evaluate[chromedp.Void](`document.querySelector('[data-step="1"]') === null && document.querySelector('.log').scrollTo(0, 0)`), visible(`[data-step="1"]`),
		chromedp.Focus(chromedp.CSS(`[data-step="1"]`)), press(kb.Enter), visible(`[data-step="1"][aria-expanded="true"]`))
	s.run(poll(`document.activeElement.dataset.step === "1"`)) // the focus stays on the step that was opened
}

// TestHostile puts hostile text into every field that a stranger can fill.
func TestHostile(t *testing.T) {
	s := open(t)
	const evil = "\"'><img src=x onerror=\"window.hacked=1\"><script>window.hacked=1</script>\n</title></textarea>\u202e${{ x }}"
	r := facts(evil)
	r.Name, r.Workflow, r.Ref, r.HeadRef, r.Actor.Login, r.Action, r.Zone, r.Reason = evil, evil, "refs/heads/"+evil, evil, evil, evil, evil, evil
	r.RepositoryName, r.State, r.Delivery = "octo/"+evil, store.Queued, store.DeliveryID("x")
	leg := plan.LegID("a" + evil)
	j := job(leg, evil, store.Completed, plan.Failure, time.Now(), time.Second)
	j.Environment, j.Reason, j.Worker, j.Labels = evil, evil, evil, []string{evil}
	id := s.create(r)
	s.commit(id, store.Completed, plan.Failure, time.Now(), time.Now(), j, job("b", "b", store.Completed, plan.Success, time.Now(), 0))
	ref := runner.StepRef{Number: 2, Name: evil, Phase: runner.Main}
	s.emit(store.JobKey{Run: id, Attempt: 1, Job: leg}, runner.JobStarted{Time: time.Now(), Job: leg, Name: evil, Executor: evil, Image: evil}, runner.StepStarted{Time: time.Now(), Job: leg, Step: ref},
		runner.Line{Time: time.Now(), Job: leg, Step: 2, Text: evil}, runner.Line{Time: time.Now(), Job: leg, Step: 2, Level: command.LevelError, Text: "\x1b[31m" + evil + "\x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07\x1b[38;2;1;2;3mx\x1b[38;5;300my\x1b["},
		runner.Annotated{Time: time.Now(), Job: leg, Step: 2, Annotation: command.Annotation{Level: command.LevelError, Title: evil, Message: evil, File: evil, Line: 1}},
		runner.Summarised{Time: time.Now(), Job: leg, Step: 2, Markdown: "| t |\n|---|\n| ok |\n\n" + evil + "\n\n[a](javascript:window.hacked=1) ![b](https://evil.example/x.png) <a href=\"jav&#x61;script:window.hacked=1\" id=main onclick=\"window.hacked=1\">c</a>\n<svg onload=window.hacked=1><style>*{display:none}</style><iframe src=/></iframe><form action=/auth/logout><input name=x></form>\n"},
		runner.StepFinished{Time: time.Now(), Job: leg, StepResult: runner.StepResult{Step: ref, Conclusion: plan.Failure, Reason: evil}})
	if _, err := s.store.AddDeliveries(t.Context(), []store.Delivery{{ID: evil, Event: evil, Fate: store.Ignored, Reason: evil, Body: []byte("{\"a\":\"<script>window.hacked=1</script>\"}")}}); err != nil {
		t.Fatal(err)
	}
	if err := s.store.Enqueue(t.Context(), []store.Item{{Key: store.JobKey{Run: id, Attempt: 1, Job: leg}, Repository: 9, Labels: []string{evil}}}); err != nil {
		t.Fatal(err)
	}
	for path, ready := range map[string]string{"/": ".rows .row", fmt.Sprintf("/runs/%d", id): ".summary table", "/deliveries": ".rows .row", "/queue": "table.plain"} {
		s.visit(path, ready)
		s.harmless(path)
	}
	s.visit(fmt.Sprintf("/runs/%d", id), ".graph a")
	s.shot("hostile")
	s.run(click(`.job a.name`), visible(".lrow.error"))
	s.harmless("job")
	if text := eval[string](s, `[...document.querySelectorAll('.lrow .tx')][0].textContent`); text != evil {
		t.Errorf("the line says %q", text)
	}
	s.visit("/deliveries", ".rows .row")
	s.run(click(".rows .row"), visible(".payload"))
	s.harmless("delivery")
	s.visit("/dispatch?repository=octo/%22%3E%3Cscript%3Ewindow.hacked=1%3C/script%3E&workflow=%3Cimg%20src=x%3E", "#repository")
	s.harmless("dispatch")
}

func (s *site) harmless(where string) {
	s.t.Helper()
	const look = `[window.hacked === undefined, !document.querySelector('main img, main script, main iframe, main style, main form[action], main [onclick], main a[href^="javascript"]'), document.querySelectorAll('#main').length === 1, getComputedStyle(document.body).display !== 'none'].join()`
	if got := eval[string](s, look); got != "true,true,true,true" {
		s.t.Errorf("%s: %s: %s", where, got, eval[string](s, `document.querySelector('main').innerHTML.slice(0, 2000)`))
	}
}
