// Command testsummary reads the output of "go test -json" and says what matters:
// a line per package, the output of what failed, each skipped test with its
// reason, and last, alone on a line, "N passed, N failed, N skipped".
// It ends with status 1 when something failed, when a package did not build or
// crashed, when no test ran, and with --fail-on-skip when a test was skipped.
// It never runs tests itself.
//
// What failed by the machine's moods alone may be run once more: --repeat names it
// and --second brings the outcome. A test that passes then counts as passed and is
// listed as unsteady with what it said when it failed. A data race, a crash, a
// timeout or a failed build is never repeated, nor are more than five failures.
package main
