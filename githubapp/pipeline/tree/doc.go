// Package tree gives the files of a repository as they are in one commit or in
// the working copy, and which of them a change touched.
// It reads through the git program, in a work tree as in a bare clone, starts it
// only for what is asked, and never changes the repository or reaches the network.
package tree
