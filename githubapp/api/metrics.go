package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/drydock-ci/drydock/githubapp/auth"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
)

// Metrics are the server's figures for Prometheus. They name labels of runners,
// never a repository or a person. A nil Metrics counts nothing.
type Metrics struct {
	handler http.Handler

	started  *prometheus.CounterVec
	finished *prometheus.CounterVec
	failed   *prometheus.CounterVec
	took     *prometheus.HistogramVec
	requests *prometheus.CounterVec
	answers  *prometheus.HistogramVec
	readers  prometheus.Gauge
}

// NewMetrics makes the figures. Queue and budgets are asked when somebody looks;
// both may be nil.
func NewMetrics(queue store.Queue, budgets func() map[int64][]auth.Budget) *Metrics {
	reg := prometheus.NewRegistry()
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "drydock", Name: name, Help: help}, labels)
		reg.MustRegister(c)
		return c
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "drydock", Name: name, Help: help, Buckets: buckets}, labels)
		reg.MustRegister(h)
		return h
	}
	m := &Metrics{
		handler:  promhttp.HandlerFor(reg, promhttp.HandlerOpts{Timeout: 10 * time.Second}),
		started:  counter("jobs_started_total", "Jobs that this process began.", "executor"),
		finished: counter("jobs_finished_total", "Jobs that this process ended.", "executor", "conclusion"),
		failed:   counter("jobs_failed_total", "Jobs that failed: by the workflow, or by the infrastructure.", "executor", "cause"),
		took:     histogram("job_duration_seconds", "How long jobs took.", []float64{1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600}, "executor", "conclusion"),
		requests: counter("http_requests_total", "Requests to the API.", "route", "status"),
		answers:  histogram("http_request_duration_seconds", "How long requests took that do not stream.", []float64{.001, .005, .02, .1, .5, 2, 10}, "route"),
		readers:  prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "drydock", Name: "stream_readers", Help: "Open streams."}),
	}
	reg.MustRegister(m.readers, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	reg.MustRegister(&looked{queue, budgets})
	return m
}

// Source counts the jobs that a source gives and how they end.
func (m *Metrics) Source(inner runner.Source) runner.Source { return countedSource{inner, m} }

type countedSource struct {
	runner.Source
	metrics *Metrics
}

func (s countedSource) Next(ctx context.Context) (*runner.Lease, error) {
	l, err := s.Source.Next(ctx)
	if err != nil || l == nil {
		return l, err
	}
	executor, finish := l.Job.Place.Executor, l.Finish
	s.metrics.started.WithLabelValues(executor).Inc()
	l.Finish = func(ctx context.Context, r runner.Result) error {
		s.metrics.ended(executor, r)
		return finish(ctx, r)
	}
	return l, nil
}

func (m *Metrics) ended(executor string, r runner.Result) {
	conclusion := string(r.Conclusion)
	m.finished.WithLabelValues(executor, conclusion).Inc()
	if !r.Started.IsZero() {
		m.took.WithLabelValues(executor, conclusion).Observe(r.Finished.Sub(r.Started).Seconds())
	}
	switch {
	case r.Infra != nil:
		m.failed.WithLabelValues(executor, "infrastructure").Inc()
	case conclusion == "failure":
		m.failed.WithLabelValues(executor, "workflow").Inc()
	}
}

func (m *Metrics) answered(rt route, status int, took time.Duration) {
	if m == nil {
		return
	}
	name := rt.Method + " " + rt.Path
	m.requests.WithLabelValues(name, strconv.Itoa(status)).Inc()
	if !rt.Stream {
		m.answers.WithLabelValues(name).Observe(took.Seconds())
	}
}

func (m *Metrics) reader(n float64) {
	if m != nil {
		m.readers.Add(n)
	}
}

// looked are figures that are read when somebody asks.
type looked struct {
	queue   store.Queue
	budgets func() map[int64][]auth.Budget
}

var (
	queued    = prometheus.NewDesc("drydock_queue_waiting", "Jobs that wait.", []string{"labels"}, nil)
	queuedAge = prometheus.NewDesc("drydock_queue_oldest_seconds", "How long the oldest job waits.", []string{"labels"}, nil)
	remaining = prometheus.NewDesc("drydock_github_requests_remaining", "What is left of GitHub's hourly limits.", []string{"installation", "resource"}, nil)
)

// Describe implements prometheus.Collector.
func (l *looked) Describe(ch chan<- *prometheus.Desc) { ch <- queued; ch <- queuedAge; ch <- remaining }

// Collect implements prometheus.Collector.
func (l *looked) Collect(ch chan<- prometheus.Metric) {
	if l.queue != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		backlogs, err := l.queue.Backlogs(ctx)
		if err != nil {
			ch <- prometheus.NewInvalidMetric(queued, err)
			return
		}
		for _, b := range backlogs {
			labels := strings.Join(b.Labels, ",")
			ch <- prometheus.MustNewConstMetric(queued, prometheus.GaugeValue, float64(b.Waiting), labels)
			ch <- prometheus.MustNewConstMetric(queuedAge, prometheus.GaugeValue, time.Since(b.Oldest).Seconds(), labels)
		}
	}
	if l.budgets != nil {
		for id, all := range l.budgets() {
			for _, b := range all {
				ch <- prometheus.MustNewConstMetric(remaining, prometheus.GaugeValue, float64(b.Remaining), strconv.FormatInt(id, 10), b.Resource)
			}
		}
	}
}
