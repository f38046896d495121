//go:build linux

package host

import (
	"os"
	"testing"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/executortest"
)

func TestMain(m *testing.M) { os.Exit(executortest.Main(m)) }

func TestConformance(t *testing.T) {
	root, cache := t.TempDir(), t.TempDir()
	executortest.Run(t, func(t *testing.T) (executor.Executor, executor.Spec) {
		x, err := New(Options{Root: root, HelperCache: cache})
		if err != nil {
			t.Fatal(err)
		}
		return x, executor.Spec{Name: "test"}
	})
	left, err := os.ReadDir(root)
	if err != nil || len(left) != 1 || left[0].Name() != "_tool" {
		t.Errorf("left in the root: %v, %v", left, err)
	}
}
