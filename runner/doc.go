// Package runner is the engine: it executes one job in one place and says
// what happened, as events and a Result.
//
// A job is a plain loop: set up, pre, main steps, post steps, completion. A
// step returns Effects; only the loop applies them. Worker is the one loop
// that takes jobs from a Source and gives them to the Engine, on a laptop, in
// the App server and as a native runner alike.
//
// The package knows no Docker, no GitHub API and no configuration files.
package runner
