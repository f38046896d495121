package runner

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/fake"
)

// BenchmarkCheckpoints is what a step costs the engine, in a place that costs
// nothing, without and with checkpoints.
func BenchmarkCheckpoints(b *testing.B) {
	const steps = 100
	var text strings.Builder
	for i := range steps {
		fmt.Fprintf(&text, "  - {id: s%d, run: \"to GITHUB_OUTPUT o=%d\\nto GITHUB_ENV E%d=%s\"}\n", i, i, i%20, strings.Repeat("x", 100))
	}
	leg := bench{workflow: job("steps:\n" + text.String())}.leg(b)
	for _, keep := range []bool{false, true} {
		b.Run(fmt.Sprintf("kept=%t", keep), func(b *testing.B) {
			for range b.N {
				e := &Engine{Executors: map[string]executor.Executor{"fake": fake.New(fake.Options{Script: actOut})}, Actions: folders{}}
				if keep {
					e.Checkpoints = keptAtOnce{}
				}
				r := e.Run(b.Context(), &Job{Run: "1", Leg: leg, Place: Place{Executor: "fake", Image: "img"}}, SinkFunc(func(Event) {}))
				if len(r.Steps) != steps+1 {
					b.Fatal(r)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*steps), "µs/step")
		})
	}
}

// keptAtOnce is a record that costs nothing.
type keptAtOnce struct{}

func (keptAtOnce) Save(_ *Job, _ *Checkpoint, _ bool, kept func()) { kept() }
