package livetest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
)

// TestServePage: somebody on the server's machine signs in with its token and
// finds the run, its jobs and a live log. With DRYDOCK_SCREENSHOTS the pictures
// are kept in that folder.
func TestServePage(t *testing.T) {
	w := newWorld(t)
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs chromium")
	}
	s := serve(t, w, "DRYDOCK_PLATFORMS=ubuntu-latest="+bash)
	repo := s.gh.Repository("octo/demo", nil)
	repo.Push("main", githubtest.Files{".github/workflows/ci.yml": `
name: CI
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - name: Say
        run: |
          echo "::group::Details"
          echo "folded away"
          echo "::endgroup::"
          echo "hello from the job"
          while [ ! -e /tmp/go ]; do sleep 0.2; [ "$((n = n + 1))" -lt 60 ] || touch /tmp/go; done
          echo "the end of the job"
          echo "# A summary" >> "$GITHUB_STEP_SUMMARY"
  after:
    needs: build
    runs-on: ubuntu-latest
    steps: [{run: 'echo "::warning file=a.go,line=3::mind this"'}]
`}, "add ci")
	alloc, stop := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.WindowSize(1280, 900), chromedp.WSURLReadTimeout(time.Minute))...)
	defer stop()
	tab, stop := chromedp.NewContext(alloc)
	defer stop()
	tab, stop = context.WithTimeout(tab, 8*time.Minute)
	defer stop()
	shot := func(name string) {
		t.Helper()
		picture, err := chromedp.Run(tab, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		if dir := os.Getenv("DRYDOCK_SCREENSHOTS"); dir != "" {
			if err := os.WriteFile(filepath.Join(dir, name), picture, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	// shows waits until the page's text has all parts.
	shows := func(parts ...string) {
		t.Helper()
		var text string
		for range 1200 {
			var err error
			text, err = chromedp.Run(tab, chromedp.Evaluate[string]("document.body.innerText"))
			missing := err != nil // it may be loading itself again
			for _, p := range parts {
				missing = missing || !strings.Contains(text, p)
			}
			if !missing {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		shot("serve-failed.png")
		t.Fatalf("the page lacks some of %q:\n%s", parts, text)
	}
	open := func(address string) {
		t.Helper()
		for try := 1; ; try++ {
			_, err := chromedp.Run(tab, chromedp.Navigate(address))
			if err == nil {
				return
			}
			// Containers come and go here, and with them networks.
			if try == 20 || !strings.Contains(err.Error(), "ERR_NETWORK_CHANGED") {
				t.Fatal(err)
			}
		}
	}
	s.eventually("there is a run", func() bool {
		var runs struct{ Runs []struct{ ID int64 } }
		s.get("/api/v1/runs", &runs)
		return len(runs.Runs) == 1
	})
	open(s.url + "/#token=" + s.token())
	shows("octo/demo", "CI")
	open(s.url + "/runs/1/attempts/1/jobs?id=build")
	shows("hello from the job")
	shot("serve-log.png")
	shows("the end of the job") // without a reload
	open(s.url + "/runs/1")
	shows("build", "after", "mind this", "A summary")
	shot("serve-run.png")
}
