// Package buildcontext reads a folder as an image builder shall see it: without what
// .dockerignore lists, packed the same way for the same content, and with a digest
// that names the image which is made from it. It never follows a link out of the
// folder.
package buildcontext
