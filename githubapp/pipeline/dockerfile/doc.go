// Package dockerfile tells which files of its context a Dockerfile can read, and
// which images it starts from, without building anything.
// It gives a superset: what it cannot tell (a variable that only a base image
// defines, a foreign frontend) counts as the whole context, with the reason. Base
// images and remote files are looked at by nobody: they are no files of the
// repository.
package dockerfile
