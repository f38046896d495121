package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/drydock-ci/drydock/config"
	"github.com/drydock-ci/drydock/executor/helper"
	"github.com/drydock-ci/drydock/executor/helper/serve"
)

// Exit codes of every command.
const (
	exitOK             = 0
	exitJobFailed      = 1
	exitUsage          = 2
	exitInvalid        = 3
	exitInfrastructure = 4
	exitInterrupted    = 130
)

// exitError is an error with the code that the program ends with.
type exitError struct {
	code int
	err  error // nil: everything has been said
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// app is what every command has: streams, environment, configuration.
type app struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	env    []string

	typed     []string // around the word "run", as it was typed
	effective []string // and what .actrc files add
	arguments []string // for the record of the run: effective, without values of secrets
	dir       string   // -C
	config    *config.Config
	flags     map[string][]string // configuration flags that were given
	serving   bool                // what others push is run, not what this machine's user starts
}

// Main runs the program and gives its exit code.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer, env []string) int {
	if filepath.Base(args[0]) == helper.ProgramName { // this binary as the helper inside a place
		return serve.Main(args[1:])
	}
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, env: env}
	root := a.root()
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	typed, err := a.withActrc(root, args[1:])
	if err == nil {
		root.SetArgs(typed)
		err = root.ExecuteContext(ctx)
	}
	if err == nil {
		return exitOK
	}
	var e *exitError
	if !errors.As(err, &e) {
		// What is left are cobra's own complaints about commands and arguments.
		e = &exitError{exitUsage, complaint(err)}
	}
	if e.err != nil {
		for _, line := range strings.Split(e.err.Error(), "\n") {
			fmt.Fprintln(stderr, "drydock: "+line)
		}
	}
	return e.code
}

// lookup reads a variable of the environment the program was given.
func (a *app) lookup(name string) (string, bool) {
	for i := len(a.env) - 1; i >= 0; i-- {
		if k, v, ok := strings.Cut(a.env[i], "="); ok && k == name {
			return v, true
		}
	}
	return "", false
}

// enter goes to -C and loads the configuration.
func (a *app) enter(cmd *cobra.Command) error {
	dir, err := os.Getwd()
	if err != nil {
		return usage("find the working directory: %w", err)
	}
	if a.dir != "" {
		if err := os.Chdir(a.dir); err != nil {
			return usage("enter --directory %q: %w", a.dir, err)
		}
		if dir, err = os.Getwd(); err != nil {
			return usage("enter --directory %q: %w", a.dir, err)
		}
	}
	a.dir = dir
	c, err := config.Load(config.Options{Dir: dir, Env: append(a.env[:len(a.env):len(a.env)], instanceEnv(cmd.Flags())...), Flags: a.flags})
	if err != nil {
		return &exitError{exitUsage, err}
	}
	a.config = c
	return nil
}
