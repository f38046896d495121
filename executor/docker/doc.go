// Package docker is the back end that makes a job's place out of containers,
// through the API of a Docker engine (or of Podman, which speaks the same).
//
// A place is one job container with the helper as its first process, the
// services beside it, and a network; the engine's side of a running job is one
// attached exec of `connect`. What a workflow may ask of the engine goes through
// an allow-list: no host path, device, namespace, capability or engine socket
// unless the operator's Policy says so.
//
// The package never builds a command line for the docker program, never puts a
// secret into a name, a label, a container's definition or a log, and never
// reads workflow files.
package docker
