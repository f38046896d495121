// Package treetest makes git repositories for tests, with the git program and
// without the settings of whoever runs them. It leaves nothing behind.
package treetest
