// Package pipeline builds the services of a repository that a change touches: test,
// image, push, chart, notification, each service in the order of what it is made
// from and as many at once as allowed.
// A service is a job and its stages are steps: what happens is told as
// runner.Events, what came of it is a value. How images are made and where they go
// is behind Builder; the package starts no container and speaks to no registry.
package pipeline
