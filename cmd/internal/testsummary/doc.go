// Command testsummary reads the output of "go test -json" and says what matters:
// a line per package, the output of what failed, each skipped test with its
// reason, and last, alone on a line, "N passed, N failed, N skipped".
// It ends with status 1 when something failed, when a package did not build or
// crashed, when no test ran, and with --fail-on-skip when a test was skipped.
// It never runs tests itself.
package main
