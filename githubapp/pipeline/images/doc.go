// Package images makes the images of services and publishes them: Dockerfiles with
// BuildKit, Go programs with the go tool, here or in BuildKit, the rest by jobs of the
// repository's own workflows. It is a pipeline.Builder.
// Every image is made into a layout of its own before anything is pushed, and tags
// are moved when all of it is in the registry. It decides nothing about what is
// built or published.
package images
