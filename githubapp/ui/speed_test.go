package ui_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
)

// TestBigLog: a log of 200,000 lines is there at once and scrolls without
// stutter. The target of the first paint is 300 ms, that of a frame 100 ms. What they
// take is told; what fails is only what no machine is too busy for: few rows are
// elements, whatever the log's size, and nothing hangs.
func TestBigLog(t *testing.T) {
	s := open(t)
	const lines = 200_000
	id := s.bigLog(t, lines)
	path := fmt.Sprintf("/runs/%d/attempts/1/jobs?id=build", id)
	var paints []float64
	for range 5 {
		s.visit(path, ".lrow .tx")
		paints = append(paints, eval[float64](s, `(async () => { while (!performance.getEntriesByName('log-painted').length) await new Promise(requestAnimationFrame); return performance.getEntriesByName('log-painted')[0].startTime; })()`))
	}
	slices.Sort(paints)
	whole := eval[float64](s, `(async () => { while (!document.querySelector('.tail').textContent.startsWith('200,000 lines')) await new Promise(r => setTimeout(r, 20)); return performance.now(); })()`)
	// Scroll from end to end, and look how long frames take.
	frames := eval[[]float64](s, `(async () => {
		const log = document.querySelector('.log'), out = [];
		let last = performance.now();
		for (let i = 0; i < 120; i++) {
			log.scrollTop = (i % 2 ? 0.013 : 1) * i / 120 * log.scrollHeight;
			await new Promise(requestAnimationFrame);
			const now = performance.now(); out.push(now - last); last = now;
		}
		return out;
	})()`)
	slices.Sort(frames)
	rows := eval[int](s, `document.querySelectorAll('.lrow').length`)
	began := time.Now()
	s.run(chromedp.SetValue(chromedp.CSS(`.tools input`), "berth/7919.go"), chromedp.Evaluate[chromedp.Void](`document.querySelector('.tools input').dispatchEvent(new Event('input'))`), visible(`.lrow.found mark`))
	t.Logf("200,000 lines: first paint %.0f ms (median of %.0f), all there after %.0f ms; frame: median %.1f ms, p95 %.1f ms, worst %.1f ms; %d rows are elements; search %v",
		paints[2], paints, whole, frames[60], frames[114], frames[119], rows, time.Since(began).Round(time.Millisecond))
	if paints[0] > 30_000 {
		t.Errorf("first paint after %.0f ms, the target is 300", paints[0])
	}
	if frames[114] > 30_000 {
		t.Errorf("95 %% of the frames take up to %.0f ms", frames[114])
	}
	if rows > 200 {
		t.Errorf("%d rows are elements", rows)
	}
	s.shot("biglog")
}

// TestLive: a line is in the browser soon after it was stored. The target is
// 200 ms.
func TestLive(t *testing.T) {
	s := open(t)
	id := s.history() + 1
	key := store.JobKey{Run: id, Attempt: 1, Job: "build"}
	s.visit(fmt.Sprintf("/runs/%d/attempts/1/jobs?id=build", id), `[data-step="2"]`)
	s.run(visible(`.tools button[aria-pressed="true"]`)) // it follows
	s.run(chromedp.Evaluate[chromedp.Void](`window.seen = {}; new MutationObserver(() => { for (const e of document.querySelectorAll('.lrow .tx')) window.seen[e.textContent] ||= Date.now(); }).observe(document.querySelector('.sheet'), {childList: true, subtree: true})`))
	var late []int64
	for i := range 30 {
		time.Sleep(time.Duration(37+i*11%90) * time.Millisecond)
		text := fmt.Sprintf("live line %d", i)
		wrote := time.Now()
		s.emit(key, runner.Line{Time: wrote, Job: "build", Step: 2, Text: text})
		at := eval[int64](s, fmt.Sprintf(`(async () => { while (!window.seen[%q]) await new Promise(r => setTimeout(r, 5)); return window.seen[%q]; })()`, text, text))
		late = append(late, at-wrote.UnixMilli())
	}
	slices.Sort(late)
	t.Logf("a live line is in the browser after: median %d ms, p95 %d ms, worst %d ms", late[15], late[28], late[29])
	if late[15] > 30_000 {
		t.Errorf("a live line takes %d ms, the target is 200", late[15])
	}
	s.run(poll(`(() => { const l = document.querySelector('.log'); return l.scrollTop + l.clientHeight >= l.scrollHeight - 21; })()`)) // it stays at its end
	s.shot("live")
}
