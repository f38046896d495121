// Package chart packs the Helm chart of a service and publishes it as an OCI
// artifact: its version is the service's, its values name the image that was pushed
// where they have keys for it, and equal files make an equal archive.
// What Helm refuses is refused with file and line before anything is sent.
// The package runs no helm, renders no template, fetches no dependency, changes no
// file of the repository, and reads none outside the chart's folder.
package chart
