package simulation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/rpc"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/fake"
)

// yard is the machine that jobs run on: it lives in the test's process, so that
// places and what runs in them survive the server. It counts what has run.
type yard struct {
	places  *fake.Executor
	address string

	mu       sync.Mutex
	rng      *rand.Rand
	mishaps  float64 // share of places that are lost, and of places that are refused
	followed map[processKey]*followed
	ran      map[mark]int
	harmed   map[string]int // by jobName: places of the job that were lost or refused
}

// mark is a part of a job that ran.
type mark struct{ job, name string }

// jobName is how yard and store talk of one execution of a job.
func jobName(run, job string) string { return run + " " + job }

func jobOf(s executor.Spec) string { return jobName(string(s.Labels.Run), s.Labels.Job) }

type processKey struct {
	env     executor.EnvironmentID
	process executor.ProcessID
}

// followed is a process and all that it has printed.
type followed struct {
	process executor.Process

	mu    sync.Mutex
	more  *sync.Cond
	out   []byte
	ended bool
	exit  executor.Exit
	err   error
}

func newYard(folder string, seed uint64, mishaps float64) (*yard, error) {
	y := &yard{
		address: filepath.Join(folder, "yard"), rng: rand.New(rand.NewPCG(seed, 2)), mishaps: mishaps,
		followed: map[processKey]*followed{}, ran: map[mark]int{}, harmed: map[string]int{},
	}
	y.places = fake.New(fake.Options{Script: y.script, Create: y.create})
	server := rpc.NewServer()
	if err := server.RegisterName("Yard", &desk{y}); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", y.address)
	if err != nil {
		return nil, err
	}
	go server.Accept(l) // for as long as the test's process lives
	return y, nil
}

// unlucky tells whether something goes wrong with a job now.
func (y *yard) unlucky(job string) bool {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.rng.Float64() >= y.mishaps {
		return false
	}
	y.harmed[job]++
	return true
}

// heal lets nothing more go wrong.
func (y *yard) heal() {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.mishaps = 0
}

func (y *yard) create(spec executor.Spec) error {
	if y.unlucky(jobOf(spec)) {
		return executor.Errorf("make a place", executor.Unavailable, "the yard is full")
	}
	return nil
}

// script acts a step out, line by line.
func (y *yard) script(ctx context.Context, cmd executor.Command, io *fake.IO) executor.Exit {
	text := ""
	for _, f := range cmd.Files {
		if strings.Contains(strings.Join(cmd.Argv, " "), f.Path) {
			text = string(f.Data)
		}
	}
	job := jobOf(io.Environment().Spec())
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "mark": // this ran
			y.mu.Lock()
			y.ran[mark{job, words[1]}]++
			y.mu.Unlock()
			io.Printf("ran %s\n", words[1])
			if y.unlucky(job) {
				io.Lose()
			}
		case "work": // so many milliseconds
			ms, _ := strconv.Atoi(words[1])
			select {
			case <-time.After(time.Duration(ms) * time.Millisecond):
			case <-ctx.Done():
			}
		case "set": // an output
			io.AppendFile(io.Env()["GITHUB_OUTPUT"], words[1]+"\n")
		case "same": // two words
			if len(words) != 3 || words[1] != words[2] {
				io.Printf("::error::not the same: %q\n", words)
				return executor.Exit{Code: 3}
			}
		case "flaky": // in the first attempt
			if io.Env()["GITHUB_RUN_ATTEMPT"] == "1" {
				return executor.Exit{Code: 1}
			}
		default:
			io.Printf("the yard cannot act %q out\n", line)
			return executor.Exit{Code: 127}
		}
		if ctx.Err() != nil {
			return executor.Exit{}
		}
	}
	return executor.Exit{}
}

func (y *yard) follow(key processKey) *followed {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.followed[key]
}

// report copies what was counted.
func (y *yard) report() (ran map[mark]int, harmed map[string]int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	return maps.Clone(y.ran), maps.Clone(y.harmed)
}

// Ask is a call to the yard, with what the method needs.
type Ask struct {
	Env     executor.EnvironmentID
	Process executor.ProcessID
	Spec    executor.Spec
	Command executor.Command
	Signal  executor.Signal
	Hash    executor.HashQuery
	Path    string
	Data    []byte
	Offset  int64
}

// Answer is the yard's.
type Answer struct {
	Env   executor.EnvironmentID
	Info  executor.Info
	Exit  executor.Exit
	Ended bool
	Text  string
	Data  []byte
	Envs  []Standing
	Fault *Fault
}

// Standing is a place that is not closed.
type Standing struct {
	Env    executor.EnvironmentID
	Labels executor.Labels
}

// Fault is an executor.Error on its way.
type Fault struct {
	Op, Text, Hint string
	Kind           executor.ErrorKind
	Reason         executor.Reason
}

func faultOf(err error) *Fault {
	if err == nil {
		return nil
	}
	var e *executor.Error
	if !errors.As(err, &e) {
		return &Fault{Op: "ask the yard", Text: err.Error(), Kind: executor.Failed}
	}
	f := &Fault{Op: e.Op, Kind: e.Kind, Reason: e.Reason, Hint: e.Hint}
	if e.Err != nil {
		f.Text = e.Err.Error()
	}
	return f
}

// desk answers the server.
type desk struct{ y *yard }

func (d *desk) place(id executor.EnvironmentID) (*fake.Environment, *Fault) {
	if env := d.y.places.Environment(id); env != nil {
		return env, nil
	}
	return nil, faultOf(executor.Errorf(fmt.Sprintf("reach place %q", id), executor.Lost, "it is not there"))
}

// Create makes a place.
func (d *desk) Create(ask Ask, answer *Answer) error {
	env, err := d.y.places.Create(context.Background(), ask.Spec)
	if answer.Fault = faultOf(err); err == nil {
		answer.Env, answer.Info = env.ID(), env.Info()
	}
	return nil
}

// Attach finds a place.
func (d *desk) Attach(ask Ask, answer *Answer) error {
	env, err := d.y.places.Attach(context.Background(), ask.Env)
	if answer.Fault = faultOf(err); err == nil {
		answer.Env, answer.Info = env.ID(), env.Info()
	}
	return nil
}

// List lists an owner's places.
func (d *desk) List(ask Ask, answer *Answer) error {
	for _, env := range d.y.places.Environments() {
		if l := env.Spec().Labels; l.Owner == ask.Spec.Labels.Owner {
			answer.Envs = append(answer.Envs, Standing{env.ID(), l})
		}
	}
	return nil
}

// Start starts a process and keeps what it prints.
func (d *desk) Start(ask Ask, answer *Answer) error {
	env, bad := d.place(ask.Env)
	if answer.Fault = bad; bad != nil {
		return nil
	}
	f := &followed{}
	f.more = sync.NewCond(&f.mu)
	p, err := env.Start(context.Background(), ask.Command, func(_ int64, data []byte) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.out = append(f.out, data...)
		f.more.Broadcast()
	})
	if answer.Fault = faultOf(err); err == nil {
		f.process = p
		d.y.mu.Lock()
		d.y.followed[processKey{ask.Env, ask.Command.ID}] = f
		d.y.mu.Unlock()
		go f.await()
	}
	return nil
}

// await notes how the process ends.
func (f *followed) await() {
	exit, err := f.process.Wait(context.Background())
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended, f.exit, f.err = true, exit, err
	f.more.Broadcast()
}

func (d *desk) process(ask Ask) (*followed, *Fault) {
	if _, bad := d.place(ask.Env); bad != nil {
		return nil, bad
	}
	f := d.y.follow(processKey{ask.Env, ask.Process})
	if f == nil {
		return nil, faultOf(executor.Errorf(fmt.Sprintf("attach to process %q", ask.Process), executor.NotFound, "no such process"))
	}
	return f, nil
}

// Find tells whether a process was started.
func (d *desk) Find(ask Ask, answer *Answer) error {
	_, answer.Fault = d.process(ask)
	return nil
}

// Read waits for what a process prints, or for its end.
func (d *desk) Read(ask Ask, answer *Answer) error {
	f := d.y.follow(processKey{ask.Env, ask.Process})
	if f == nil {
		answer.Fault = faultOf(executor.Errorf(fmt.Sprintf("follow process %q", ask.Process), executor.Lost, "its place is gone"))
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for int64(len(f.out)) <= ask.Offset && !f.ended {
		f.more.Wait()
	}
	if int64(len(f.out)) > ask.Offset {
		answer.Data = append([]byte(nil), f.out[ask.Offset:]...)
		return nil
	}
	answer.Ended, answer.Exit, answer.Fault = true, f.exit, faultOf(f.err)
	return nil
}

// Kill signals a process.
func (d *desk) Kill(ask Ask, answer *Answer) error {
	f, bad := d.process(ask)
	if answer.Fault = bad; bad == nil {
		answer.Fault = faultOf(f.process.Signal(context.Background(), ask.Signal))
	}
	return nil
}

// Forget drops a process.
func (d *desk) Forget(ask Ask, answer *Answer) error {
	f, bad := d.process(ask)
	if answer.Fault = bad; bad == nil {
		f.process.(executor.Held).Forget()
		d.y.mu.Lock()
		defer d.y.mu.Unlock()
		delete(d.y.followed, processKey{ask.Env, ask.Process})
	}
	return nil
}

// CopyIn unpacks files.
func (d *desk) CopyIn(ask Ask, answer *Answer) error {
	env, bad := d.place(ask.Env)
	if answer.Fault = bad; bad == nil {
		answer.Fault = faultOf(env.CopyIn(context.Background(), ask.Path, bytes.NewReader(ask.Data)))
	}
	return nil
}

// Hash is hashFiles.
func (d *desk) Hash(ask Ask, answer *Answer) error {
	env, bad := d.place(ask.Env)
	if answer.Fault = bad; bad == nil {
		text, err := env.HashFiles(context.Background(), ask.Hash)
		answer.Text, answer.Fault = text, faultOf(err)
	}
	return nil
}

// Close ends a place.
func (d *desk) Close(ask Ask, answer *Answer) error {
	env, bad := d.place(ask.Env)
	if bad != nil {
		return nil // it is closed
	}
	answer.Fault = faultOf(env.Close(context.Background()))
	d.y.mu.Lock()
	defer d.y.mu.Unlock()
	maps.DeleteFunc(d.y.followed, func(k processKey, f *followed) bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return k.env == ask.Env && f.ended
	})
	return nil
}
