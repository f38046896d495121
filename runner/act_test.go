package runner

import (
	"context"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/fake"
)

// actOut understands scripts of one word and its text a line: echo TEXT,
// to FILEVAR TEXT (a line into a command file), write PATH TEXT, sleep TIME,
// deaf (to INT and TERM), trap CODE (exit so at a signal), lose, exit CODE.
// pour N (long lines, 1000 a second). $NAME is a variable.
func actOut(ctx context.Context, cmd executor.Command, io *fake.IO) executor.Exit {
	var signals <-chan executor.Signal
	trap, deaf := 0, false
	for line := range strings.Lines(scriptOf(cmd, io)) {
		word, rest, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
		rest = os.Expand(rest, func(name string) string { return io.Env()[name] })
		switch word {
		case "echo":
			io.Printf("%s\n", rest)
		case "pour":
			n, _ := strconv.Atoi(rest)
			for i := range n {
				io.Printf("line %d xyz %s\n", i, strings.Repeat("x", 2000))
				if i%100 == 99 {
					time.Sleep(100 * time.Millisecond)
				}
			}
		case "to":
			file, text, _ := strings.Cut(rest, " ")
			io.AppendFile(io.Env()[file], text+"\n")
		case "write":
			file, text, _ := strings.Cut(rest, " ")
			io.WriteFile(file, []byte(text))
		case "deaf":
			deaf, signals = true, io.Signals()
		case "trap":
			trap, _ = strconv.Atoi(rest)
			signals = io.Signals()
		case "sleep":
			d, err := time.ParseDuration(rest)
			if err != nil {
				panic(err)
			}
			timer := time.NewTimer(d)
			defer timer.Stop()
			for waiting := true; waiting; {
				select {
				case <-timer.C:
					waiting = false
				case <-ctx.Done():
					return executor.Exit{}
				case <-signals:
					if !deaf {
						return executor.Exit{Code: trap}
					}
				}
			}
		case "lose":
			io.Lose()
			<-ctx.Done()
		case "exit":
			code, _ := strconv.Atoi(rest)
			return executor.Exit{Code: code}
		}
	}
	return executor.Exit{}
}

// scriptOf is the text of a run step's file or of an action's program.
func scriptOf(cmd executor.Command, io *fake.IO) string {
	for _, f := range cmd.Files {
		if strings.Contains(strings.Join(cmd.Argv, " "), f.Path) {
			return string(f.Data)
		}
	}
	if len(cmd.Argv) > 1 {
		if data, err := io.ReadFile(cmd.Argv[1]); err == nil {
			return string(data)
		}
	}
	return strings.Join(cmd.Argv, " ")
}
