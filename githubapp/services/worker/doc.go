// Package worker runs the jobs of services: each takes one service of a commit
// through its stages, told as the steps of a job, and ends with a summary and an
// entry of the ledger.
// What a commit brings runs elsewhere: Dockerfiles and Go's compiler in BuildKit,
// tests and jobs that build on the server's own engine, as trusted as the run is. A
// run's zone decides what it is given; what may be published is the operator's Policy. Nothing is kept of a job that is cut
// off: begun anew it does the same again.
package worker
