// Package archtest holds the architecture as a test: which package may import
// which, where each large library may be used, what every package and file must
// look like, and what may stand at the top of the repository. The rules are
// tables in rules.go; a change of one comes with a decision in docs/adr.
// It reads source files only, those of every platform: it never builds them.
package archtest
