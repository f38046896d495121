// Package command reads what a step says to its runner: workflow commands in the output (`::error::…`, `##[group]…`),
// the command files ($GITHUB_ENV, $GITHUB_OUTPUT and so on) and problem matchers.
//
// Everything is a value: a Scanner says what a line means and which effect it asks for, the job loop applies it.
// The package never opens files, never changes the environment and never masks; what it returns may hold secrets.
package command
