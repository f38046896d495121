package helper_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/drydock-ci/drydock/executor"
)

func TestEndOrphans(t *testing.T) {
	p := open(t)
	quiet := func(int64, []byte) {}
	trapped := make(chan struct{})
	said := sync.OnceFunc(func() { close(trapped) })
	going, err := p.Start(t.Context(), sh("going", "trap 'exit 3' TERM; echo; while :; do sleep 0.01; done"), func(int64, []byte) { said() })
	if err != nil {
		t.Fatal(err)
	}
	<-trapped
	// One in the background, one that left its session and its parents; they are
	// waited for until they are sleep.
	const script = `sleep 1001 >/dev/null 2>&1 & one=$!
		two=$(setsid sh -c 'sleep 1002 >/dev/null 2>&1 & echo $!')
		for pid in $one $two; do until [ "$(cat /proc/$pid/comm)" = sleep ]; do sleep 0.01; done; done`
	exit, err := executor.Run(t.Context(), env{p.Place}, sh("1", script), quiet, executor.DefaultStop)
	if err != nil || exit.Code != 0 {
		t.Fatalf("exit %+v, error %v", exit, err)
	}
	left, err := p.EndOrphans(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range left {
		names = append(names, o.Name)
		if o.PID <= 1 {
			t.Errorf("process %+v", o)
		}
	}
	if !slices.Equal(names, []string{"sleep", "sleep"}) {
		t.Errorf("ended %v", left)
	}
	if again, err := p.EndOrphans(t.Context()); err != nil || len(again) != 0 {
		t.Errorf("then %v, error %v", again, err)
	}
	// What goes on is left alone.
	if err := going.Signal(t.Context(), executor.Terminate); err != nil {
		t.Fatal(err)
	}
	if exit, err := going.Wait(t.Context()); err != nil || exit.Code != 3 {
		t.Errorf("the process that goes on ended with %+v, error %v", exit, err)
	}
}
