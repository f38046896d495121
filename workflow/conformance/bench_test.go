package conformance

import (
	"context"
	"errors"
	"testing"

	"github.com/rhysd/actionlint"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// notLoaded stands for every called workflow, so that only the file itself
// counts.
func notLoaded(context.Context, plan.Source, string) (plan.Source, []byte, error) {
	return plan.Source{}, nil, errElsewhere
}

// BenchmarkReal compares, for all real workflows, our Parse and Build with the
// Parse of actionlint alone.
func BenchmarkReal(b *testing.B) {
	files := realWorkflows(b)
	perFile := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(files))/1000, "µs/file")
	}
	b.Run("actionlint.Parse", func(b *testing.B) {
		for b.Loop() {
			for _, f := range files {
				if w, _ := actionlint.Parse(f.src); w == nil {
					b.Fatal(f.name)
				}
			}
		}
		perFile(b)
	})
	b.Run("Parse+Build", func(b *testing.B) {
		contexts := eventContexts(b, "push")
		for b.Loop() {
			for _, f := range files {
				w, found := workflow.Parse(f.name, f.src)
				if found.HasErrors() {
					b.Fatal(found)
				}
				_, err := plan.Build(b.Context(), w, plan.Source{Path: f.name}, "push", contexts, notLoaded)
				if err != nil && !errors.Is(err, errElsewhere) {
					b.Fatal(err)
				}
			}
		}
		perFile(b)
	})
}
