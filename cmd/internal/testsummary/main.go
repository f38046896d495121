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
	if err := flags.Parse(args); err != nil {
		return 2
	}

	results, err := read(in, out)
	if err != nil {
		fmt.Fprintf(errOut, "reading test events: %v\n", err)
		return 1
	}
	text, ok := results.summary(*failOnSkip)
	if _, err := io.WriteString(out, text); err != nil {
		return 1
	}
	if *file != "" {
		if err := os.WriteFile(*file, []byte(text), 0o644); err != nil {
			fmt.Fprintf(errOut, "writing the summary: %v\n", err)
			return 1
		}
	}
	if !ok {
		return 1
	}
	return 0
}
