package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strings"
)

// event is one line of "go test -json" (cmd/test2json).
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build-output events, "pkg" or "pkg [pkg.test]"
	Test        string
	Output      string
	Elapsed     float64
	FailedBuild string
}

type testID struct{ pkg, name string }

// results is what one "go test" run said, ordered as it came.
type results struct {
	status  map[testID]string // run, pass, fail, skip
	output  map[testID][]string
	build   map[string][]string // compiler output by import path
	failed  []testID            // a package's own failure has an empty name
	skipped []testID
	// unsteady failed first and passed in a second run
	unsteady []testID
	stray    []string // lines that are no events: go's own complaints
}

func (r *results) count(status string) int {
	n := 0
	for _, s := range r.status {
		if s == status {
			n++
		}
	}
	return n
}

// read consumes all events and prints a line to progress as each package ends.
func read(in io.Reader, progress io.Writer) (*results, error) {
	r := &results{status: map[testID]string{}, output: map[testID][]string{}, build: map[string][]string{}}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if strings.TrimSpace(line) != "" {
			var e event
			if jsonErr := json.Unmarshal([]byte(line), &e); jsonErr != nil || e.Action == "" {
				r.stray = append(r.stray, line)
			} else {
				r.add(e, progress)
			}
		}
		if err == io.EOF {
			return r, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (r *results) add(e event, progress io.Writer) {
	id := testID{e.Package, e.Test}
	switch e.Action {
	case "run":
		r.status[id] = "run"
	case "output":
		r.output[id] = append(r.output[id], e.Output)
	case "build-output":
		r.build[e.ImportPath] = append(r.build[e.ImportPath], e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e, progress)
			return
		}
		r.status[id] = e.Action
		switch e.Action {
		case "pass":
			delete(r.output, id) // kept only for what is shown
		case "fail":
			r.failed = append(r.failed, id)
		case "skip":
			r.skipped = append(r.skipped, id)
		}
	}
}

// endPackage notes a package's end. A package that fails with no failing test of
// its own (it did not build, crashed, timed out) counts as one failure.
func (r *results) endPackage(e event, progress io.Writer) {
	tests, failed := 0, 0
	var unfinished []testID
	for id, status := range r.status {
		if id.pkg != e.Package {
			continue
		}
		tests++
		switch status {
		case "fail":
			failed++
		case "run":
			unfinished = append(unfinished, id)
		}
	}
	sort.Slice(unfinished, func(i, j int) bool { return unfinished[i].name < unfinished[j].name })
	for _, id := range unfinished {
		r.status[id] = "fail"
		r.output[id] = append(r.output[id], "(did not finish)\n")
		r.failed = append(r.failed, id)
	}
	if e.Action == "fail" && failed+len(unfinished) == 0 {
		id := testID{pkg: e.Package}
		r.status[id] = "fail"
		r.output[id] = append(r.output[id], r.build[e.FailedBuild]...)
		r.failed = append(r.failed, id)
	} else if e.Action == "fail" {
		// A data race or exit message outside any test explains the failures too.
		if own := r.output[testID{pkg: e.Package}]; len(own) > 0 && len(unfinished) > 0 {
			last := unfinished[len(unfinished)-1]
			r.output[last] = append(r.output[last], own...)
		}
	}
	if tests > 0 || e.Action == "fail" {
		verdict := map[string]string{"pass": "ok  ", "fail": "FAIL", "skip": "ok  "}[e.Action]
		fmt.Fprintf(progress, "%s %s %.1fs (%d tests)\n", verdict, e.Package, e.Elapsed, tests)
	}
}
