package executortest

import (
	"testing"
	"time"
)

// Eventually polls, for what takes a moment to become visible.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	end := time.Now().Add(2 * time.Minute)
	for pause := 10 * time.Millisecond; !ok(); pause = min(2*pause, 200*time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not after two minutes", what)
		}
		time.Sleep(pause)
	}
}
