// Package build makes container images with BuildKit: a buildkitd at an address,
// or the one inside the Docker engine. It also builds the images of Dockerfile
// actions under the hash of what they are made from (Actions), and runs programs on
// strangers' files out of this machine's reach (Sandbox).
//
// A build goes into an OCI layout of this machine first; from there it is pushed,
// loaded into the engine or kept, so that every target gets the same digest.
// Images are reproducible: times newer than Request.Epoch are set to it. What a
// build says comes as small events.
//
// The package never puts a secret into an event, an error or an image, never
// moves a tag of a build that failed, and never talks to a builder or a registry
// without TLS beyond this machine unless it is told to. With Options.PublicOnly a
// stranger's Dockerfile names nothing in the own network.
package build
