// Package service is the HTTP server that stands for GitHub's own services
// inside a job: caches, artifacts and identity tokens, at one address.
//
// Server opens a token for each job and knows by it whose request it answers;
// what a job may do is taken from the Job, never from what its steps send. It
// implements runner.Services. Until a job uses it, it costs nothing: it reads
// no index, makes no key and listens nowhere of its own.
package service
