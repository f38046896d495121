package kube

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/drydock-ci/drydock/executor"
)

// firstLine runs a step and gives the time of its first output.
func firstLine(t testing.TB, e executor.Environment) time.Time {
	t.Helper()
	var first time.Time
	var once sync.Once
	exit, err := executor.Run(t.Context(), e, executor.Command{ID: executor.ProcessID(newName("p")), Argv: []string{"echo", "hi"}, Dir: "/"},
		func(int64, []byte) { once.Do(func() { first = time.Now() }) }, executor.DefaultStop)
	if err != nil || exit.Code != 0 {
		t.Fatalf("%+v, %v", exit, err)
	}
	return first
}

// barePod makes a pod of the same containers, without a helper that works, and
// gives the time that it took to get Ready.
func barePod(t testing.TB, x *Executor, spec executor.Spec) time.Duration {
	t.Helper()
	d, err := x.draft(spec)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x.connection()
	if err != nil {
		t.Fatal(err)
	}
	d.pod.Spec.Containers[0].Command = []string{"sleep", "1000"}
	began := time.Now()
	pod, err := c.createPod(t.Context(), d.pod)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.deletePod(context.Background(), podRef{pod.Name, pod.UID}); err != nil {
			t.Error(err)
		}
	}()
	w, err := c.watchPod(t.Context(), pod)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	for e := range w.ResultChan() {
		p, ok := e.Object.(*corev1.Pod)
		if !ok {
			break
		}
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
				return time.Since(began)
			}
		}
	}
	t.Fatal("the watch ended")
	return 0
}

// BenchmarkStart compares a job's start, to its first step's first line, with the
// time that a bare pod of the same containers takes to be Ready, in turns: what else
// the machine does hits both.
func BenchmarkStart(b *testing.B) {
	x, labels := live(b, Options{})
	spec := executor.Spec{Name: "start", Labels: labels, Kind: executor.Machine, Image: executor.Image{Ref: testImage}}
	var jobs, pods []time.Duration
	for b.Loop() {
		pods = append(pods, barePod(b, x, spec))
		began := time.Now()
		e, err := x.Create(b.Context(), spec)
		if err != nil {
			b.Fatal(err)
		}
		jobs = append(jobs, firstLine(b, e).Sub(began))
		if err := e.Close(b.Context()); err != nil {
			b.Error(err)
		}
	}
	slices.Sort(jobs)
	slices.Sort(pods)
	job, pod := jobs[len(jobs)/2], pods[len(pods)/2]
	b.ReportMetric(float64(job.Milliseconds()), "job-ms")
	b.ReportMetric(float64(pod.Milliseconds()), "pod-ms")
	b.ReportMetric(float64(job)/float64(pod), "job/pod")
}

// TestManyJobs starts twenty at once and loses none.
func TestManyJobs(t *testing.T) {
	x, labels := live(t, Options{})
	began := time.Now()
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			e, err := x.Create(context.Background(), executor.Spec{Name: fmt.Sprint("many ", i), Labels: labels, Kind: executor.Machine, Image: executor.Image{Ref: testImage}})
			if err != nil {
				t.Error(err)
				return
			}
			if out, code := sh(t, e, fmt.Sprintf("echo %d; sleep 1; echo end", i)); code != 0 || out != fmt.Sprintf("%d\nend", i) {
				t.Errorf("job %d: %q, exit code %d", i, out, code)
			}
			if err := e.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	t.Logf("20 jobs in %s", time.Since(began).Round(10*time.Millisecond))
}

// BenchmarkStep is one process in a job's place and the same program by itself
// here: what is more is what a step costs.
func BenchmarkStep(b *testing.B) {
	x, labels := live(b, Options{})
	e := create(b, x, executor.Spec{Name: "bench", Labels: labels, Kind: executor.Machine})
	var alone time.Duration
	for b.Loop() {
		firstLine(b, e)
		b.StopTimer()
		began := time.Now()
		if err := exec.CommandContext(b.Context(), "echo", "hi").Run(); err != nil {
			b.Fatal(err)
		}
		alone += time.Since(began)
		b.StartTimer()
	}
	b.ReportMetric(float64(alone.Microseconds())/1000/float64(b.N), "alone-ms")
}
