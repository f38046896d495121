// Package jobs is what services and the jobs of workflows have to do with each other:
// the workflow that a test's command stands for, the event that a workflow is run
// by, what jobs are told of their service, and the log that their events become.
// It runs nothing: a laptop and a server each have a way to do that.
package jobs
