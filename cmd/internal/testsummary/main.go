package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, in io.Reader, out, errOut io.Writer) int {
	flags := flag.NewFlagSet("testsummary", flag.ContinueOnError)
	flags.SetOutput(errOut)
	failOnSkip := flags.Bool("fail-on-skip", false, "a skipped test is a failure")
	file := flags.String("out", "", "write the summary to this `FILE` too")
	repeat := flags.String("repeat", "", "write the failed tests that are worth a second run to this `FILE`, a line \"PACKAGE TEST\" each")
	second := flags.String("second", "", "the output of that second run, a `FILE`")
	if err := flags.Parse(args); err != nil {
		return 2
	}

	progress := out
	if *second != "" {
		progress = io.Discard // it was shown when the tests ran
	}
	results, err := read(in, progress)
	if err != nil {
		fmt.Fprintf(errOut, "reading test events: %v\n", err)
		return 1
	}
	if *second != "" {
		again, err := readFile(*second, out)
		if err != nil {
			fmt.Fprintf(errOut, "reading the second run: %v\n", err)
			return 1
		}
		results.merge(again)
	}
	text, ok := results.summary(*failOnSkip)
	if _, err := io.WriteString(out, text); err != nil {
		return 1
	}
	for _, f := range []struct{ name, text string }{{*file, text}, {*repeat, results.repeatable()}} {
		if f.name == "" {
			continue
		}
		if err := os.WriteFile(f.name, []byte(f.text), 0o644); err != nil {
			fmt.Fprintf(errOut, "writing %s: %v\n", f.name, err)
			return 1
		}
	}
	if !ok {
		return 1
	}
	return 0
}

func readFile(name string, progress io.Writer) (*results, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return read(f, progress)
}
