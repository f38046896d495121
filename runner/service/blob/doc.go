// Package blob keeps the bytes of caches and artifacts: stores for finished
// blobs (a folder, an S3 bucket), uploads that are still being written, signed
// URLs, and the HTTP face that the Azure storage clients of GitHub's actions
// expect.
//
// A blob becomes visible when it is whole, or not at all. Keys and the names of
// files are made by us and checked: no text of a client ever becomes one. The
// package knows nothing of repositories, jobs or tokens; who may have a URL is
// decided by those who ask for it.
package blob
