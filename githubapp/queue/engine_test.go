package queue

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/fake"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
)

// severed is an executor as one server sees it: when the server is dead its
// calls reach no place any more, and it hears nothing.
type severed struct {
	executor.Executor
	m *mortal
}

type severedPlace struct {
	executor.Environment
	m *mortal
}

type severedProcess struct {
	executor.Held
	m       *mortal
	hearing *sync.Mutex
}

var errSevered = executor.Errorf("reach the place", executor.Lost, "this server is dead")

func (s severed) Create(ctx context.Context, spec executor.Spec) (executor.Environment, error) {
	env, err := s.Executor.Create(ctx, spec)
	return severedPlace{env, s.m}, err
}

func (s severed) Attach(ctx context.Context, id executor.EnvironmentID) (executor.Environment, error) {
	env, err := s.Executor.Attach(ctx, id)
	return severedPlace{env, s.m}, err
}

func (p severedPlace) Start(ctx context.Context, cmd executor.Command, out executor.Output) (executor.Process, error) {
	if p.m.isDead() {
		return nil, errSevered
	}
	hearing := &sync.Mutex{}
	got, err := p.Environment.Start(ctx, cmd, p.heard(hearing, out))
	if err != nil {
		return nil, err
	}
	return severedProcess{got.(executor.Held), p.m, hearing}, nil
}

func (p severedPlace) AttachProcess(ctx context.Context, id executor.ProcessID, offset int64, out executor.Output) (executor.Process, error) {
	hearing := &sync.Mutex{}
	got, err := p.Environment.AttachProcess(ctx, id, offset, p.heard(hearing, out))
	if err != nil {
		return nil, err
	}
	return severedProcess{got.(executor.Held), p.m, hearing}, nil
}

func (p severedPlace) heard(hearing *sync.Mutex, out executor.Output) executor.Output {
	return func(offset int64, data []byte) {
		hearing.Lock()
		defer hearing.Unlock()
		if !p.m.isDead() {
			out(offset, data)
		}
	}
}

func (p severedPlace) Close(ctx context.Context) error {
	if p.m.isDead() {
		return errSevered
	}
	return p.Environment.Close(ctx)
}

func (p severedProcess) Wait(ctx context.Context) (executor.Exit, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-p.m.dead:
			cancel()
		case <-ctx.Done():
		}
	}()
	exit, err := p.Held.Wait(ctx)
	if p.m.isDead() {
		p.hearing.Lock()
		defer p.hearing.Unlock()
		return executor.Exit{}, errSevered
	}
	return exit, err
}

func (p severedProcess) Signal(ctx context.Context, s executor.Signal) error {
	if p.m.isDead() {
		return errSevered
	}
	return p.Held.Signal(ctx, s)
}

func (p severedProcess) Taken(offset int64) {
	if !p.m.isDead() {
		p.Held.Taken(offset)
	}
}

func (p severedProcess) Forget() {
	if !p.m.isDead() {
		p.Held.Forget()
	}
}

// place of the engine: each process prints its script, line for line, slowly.
func printer(started func(string)) *fake.Executor {
	return fake.New(fake.Options{Script: func(ctx context.Context, cmd executor.Command, io *fake.IO) executor.Exit {
		text := ""
		for _, f := range cmd.Files {
			if strings.Contains(strings.Join(cmd.Argv, " "), f.Path) {
				text = string(f.Data)
			}
		}
		started(text)
		for line := range strings.Lines(text) {
			word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
			switch word {
			case "echo":
				io.Printf("%s\n", rest)
			case "output":
				io.AppendFile(io.Env()["GITHUB_OUTPUT"], rest+"\n")
			}
			select {
			case <-time.After(2 * time.Millisecond):
			case <-ctx.Done():
				return executor.Exit{}
			}
		}
		return executor.Exit{}
	}})
}

// TestEngine runs a workflow with the engine, on servers that are killed one
// after the other while a job's steps print. The next server goes on in the same
// place: each step ran once, and the log is as if nothing had been.
func TestEngine(t *testing.T) {
	for _, lives := range []int{0, 1, 5} {
		t.Run(fmt.Sprint(lives, " kills"), func(t *testing.T) { engineOver(on(t), lives, nil) })
	}
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("random kills ", seed), func(t *testing.T) { engineOver(on(t), 12, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func engineOver(b *bench, kills int, rng *rand.Rand) {
	var mu sync.Mutex
	var started []string
	places := printer(func(text string) {
		mu.Lock()
		defer mu.Unlock()
		word, _, _ := strings.Cut(text, "\n")
		started = append(started, word)
	})
	var script strings.Builder
	var lines []string
	for i := range 120 {
		fmt.Fprintf(&script, "          echo line %d\n", i)
		lines = append(lines, fmt.Sprint("line ", i))
	}
	id := b.start(`
jobs:
  build:
    runs-on: x
    outputs: {image: "${{ steps.two.outputs.image }}"}
    steps:
      - id: one
        run: |
          echo first
` + script.String() + `
      - id: two
        run: |
          echo second
          output image=app
` + script.String() + `
  deploy:
    needs: build
    runs-on: x
    steps: [{run: "echo deploy ${{ needs.build.outputs.image }} ${{ github.run_id }}"}]
`)
	for life := 0; ; life++ {
		m := newMortal(b.s, nil, 0)
		q := b.server("s", func(o *Options) { o.Store = m })
		ctx, stop := context.WithCancel(b.Context())
		worker := runner.Worker{Source: q.Source(), Slots: 1, Engine: &runner.Engine{
			Executors: map[string]executor.Executor{"fake": severed{places, m}}, Checkpoints: q.Checkpoints(), Log: q.Log,
		}}
		done := make(chan struct{})
		go func() {
			_ = worker.Run(ctx)
			close(done)
		}()
		if life == kills {
			b.until("the end", func() bool { return b.run(id).State == store.Completed })
			stop()
			<-done
			break
		}
		if rng == nil {
			b.until("some lines", func() bool { return len(b.log(id, 1, "build")) > 20+30*life })
		} else {
			// Before the first step a job begins again, in another place.
			b.until("the first step", func() bool { return len(b.log(id, 1, "build")) > 4 })
			time.Sleep(time.Duration(5+rng.IntN(40)) * time.Millisecond)
		}
		late := len(b.log(id, 1, "build")) > 200 // the place must not go without the result
		if late {
			kills = life + 1
		}
		bury(m, q)
		stop()
		<-done
	}
	b.want(id, "success", "build success", "deploy success")
	mu.Lock()
	if want := []string{"echo first", "echo second", "echo deploy app 1"}; !slices.Equal(started, want) {
		b.Errorf("started %q, want %q", started, want)
	}
	mu.Unlock()
	var got []string
	for _, text := range b.log(id, 1, "build") {
		if text == "first" || text == "second" || strings.HasPrefix(text, "line ") || strings.HasPrefix(text, "step ") || strings.HasPrefix(text, "job-") {
			got = append(got, text)
		}
	}
	want := slices.Concat([]string{"job-started", "step 1", "step 1 success", "step 2", "first"}, lines, []string{"step 2 success", "step 3", "second"}, lines,
		[]string{"step 3 success", "job-finished"})
	if !slices.Equal(got, want) {
		i := 0
		for i < min(len(got), len(want)) && got[i] == want[i] {
			i++
		}
		b.Errorf("log differs from line %d on: %d lines, want %d: %q, want %q", i, len(got), len(want), got[i:min(i+5, len(got))], want[i:min(i+5, len(want))])
	}
	if left := places.Environments(); len(left) != 0 {
		b.Errorf("%d places are left", len(left))
	}
}
