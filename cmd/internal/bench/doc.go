// Command bench times drydock against act and against the bare engine, in
// turns on the same machine, and prints the table of docs/performance.md.
//
// It measures whole processes, as a person would with a stopwatch, and speaks
// to the engine's HTTP interface itself for the bare figures. It is run by
// `make bench` and never as a test. Jobs in Kubernetes and builds of images have
// tables of their own (`make bench-kube`, `make bench-build`).
package main
