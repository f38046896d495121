package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// scenario is one workflow and the same work on the bare engine.
type scenario struct {
	name     string
	workflow string
	bare     func(context.Context, *engine) error
	critical time.Duration // shortest possible time of the commands themselves
}

const head = "on: push\njobs:\n"

// printLog prints 100 MB in lines of 80 bytes.
const printLog = "yes '2026-11-20T10:00:00Z INFO compiled src/module/some_file.go in 12 ms, 345 left..' | head -c 100000000"

// parallel is how many containers the bare engine runs at a time, as drydock
// does on two cores.
const parallel = 8

var scenarios = []scenario{
	{
		name:     "one step",
		workflow: head + "  one:\n    runs-on: bench\n    steps:\n      - run: echo hello\n",
		bare:     func(ctx context.Context, e *engine) error { return e.job(ctx, "echo hello") },
	},
	{
		name:     "50 steps",
		workflow: head + "  fifty:\n    runs-on: bench\n    steps:\n" + strings.Repeat("      - run: echo \"x=1\" >> \"$GITHUB_OUTPUT\"\n", 50),
		bare: func(ctx context.Context, e *engine) error {
			commands := make([]string, 50)
			for i := range commands {
				commands[i] = "echo x=1 >> /tmp/output"
			}
			return e.job(ctx, commands...)
		},
	},
	{
		name:     "100 MB of log",
		workflow: head + "  log:\n    runs-on: bench\n    steps:\n      - run: " + printLog + "\n",
		bare:     func(ctx context.Context, e *engine) error { return e.job(ctx, printLog) },
	},
	{
		name: "20 legs",
		workflow: head + "  legs:\n    runs-on: bench\n    strategy:\n      matrix:\n        n: [" +
			strings.TrimSuffix(numbers(20), ", ") + "]\n    steps:\n      - run: echo ${{ matrix.n }}\n",
		bare: func(ctx context.Context, e *engine) error {
			slots := make(chan struct{}, parallel)
			errs := make(chan error, 20)
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					slots <- struct{}{}
					defer func() { <-slots }()
					errs <- e.job(ctx, "echo 1")
				})
			}
			wg.Wait()
			close(errs)
			for err := range errs {
				if err != nil {
					return err
				}
			}
			return nil
		},
	},
	{
		name: "graph",
		workflow: head + `  a: {runs-on: bench, steps: [{run: sleep 1}]}
  slow: {runs-on: bench, steps: [{run: sleep 12}]}
  c: {runs-on: bench, needs: a, steps: [{run: sleep 1}]}
  d: {runs-on: bench, needs: c, steps: [{run: sleep 1}]}
`,
		bare: func(ctx context.Context, e *engine) error {
			done := make(chan error, 1)
			go func() {
				for range 3 {
					if err := e.job(ctx, "sleep 1"); err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
			err := e.job(ctx, "sleep 12")
			if err2 := <-done; err == nil {
				err = err2
			}
			return err
		},
		critical: 12 * time.Second,
	},
}

func numbers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d, ", i+1)
	}
	return b.String()
}
