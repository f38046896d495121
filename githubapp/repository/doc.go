// Package repository reads repositories through GitHub's API as an installation
// of the App: workflow files at a commit, changed files, commits, branches, pull
// requests, environments and who may do what.
//
// File contents are kept in memory by their git hash, within a bound. What GitHub
// refuses for good (a deleted repository, a commit that is gone, a revoked
// installation) is an Error with its Kind; other errors may pass. The package
// writes nothing at GitHub and parses no workflow.
package repository
