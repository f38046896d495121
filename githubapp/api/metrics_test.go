package api

import (
	"os"
	"regexp"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestMetricsDocumented: docs/operate.md names every metric of ours, and no other.
func TestMetricsDocumented(t *testing.T) {
	m := NewMetrics(nil, nil)
	ch := make(chan *prometheus.Desc, 100)
	for _, c := range []prometheus.Collector{m.started, m.finished, m.failed, m.took, m.requests, m.answers, m.readers, &looked{}} {
		c.Describe(ch)
	}
	close(ch)
	there := map[string]bool{}
	name := regexp.MustCompile(`fqName: "([^"]+)"`)
	for d := range ch {
		there[name.FindStringSubmatch(d.String())[1]] = false
	}
	page, err := os.ReadFile("../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`\bdrydock_[a-z_]+`).FindAllString(string(page), -1) {
		if _, known := there[found]; !known {
			t.Errorf("docs/operate.md: there is no metric %q", found)
		}
		there[found] = true
	}
	for n, documented := range there {
		if !documented {
			t.Errorf("docs/operate.md does not tell of %q", n)
		}
	}
}
