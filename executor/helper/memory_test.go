//go:build linux

package helper_test

import (
	"os"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/executor/helper"
)

// TestMemory: the helper says the peak of its place by itself.
func TestMemory(t *testing.T) {
	first := open(t)
	p, err := helper.Open(t.Context(), helper.Options{Dial: first.dial, Token: "secret", Memory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Disconnect()
	known := false
	for _, name := range []string{"memory.current", "memory.peak", "memory/memory.max_usage_in_bytes"} {
		_, err := os.Stat("/sys/fs/cgroup/" + name)
		known = known || err == nil
	}
	for until := time.Now().Add(time.Minute); known && p.Memory().Peak == 0 && time.Now().Before(until); {
		time.Sleep(20 * time.Millisecond)
	}
	if m := p.Memory(); known && m.Peak < 1<<20 {
		t.Errorf("memory: %+v", m)
	}
}
