// Package kube is the back end that makes a job's place out of one unprivileged
// pod: the job's container with the helper as its first process, the services
// as sidecars, docker actions as ephemeral containers, and nothing outside of
// the pod but a Secret that dies with it.
//
// The engine's side of a running job is one exec through the API server. What
// keeps a pod from starting (quota, no room, a slow registry) is waited for and
// told, up to a limit; what ends one early is told by its reason.
//
// The package never makes a privileged container, a host mount or a cluster
// wide object, never puts a value of `env:` or a login into a pod's definition,
// and never reads workflow files.
package kube
