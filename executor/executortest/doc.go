// Package executortest is the conformance suite of back ends: what the engine
// relies on, whatever the place is. A back end's test calls Run and must pass
// all of it; nothing is skipped.
//
// The commands are small sh scripts, kept as constants so that a back end
// without a shell (executor/fake) can act them out.
package executortest
