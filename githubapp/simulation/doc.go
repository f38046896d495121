// Package simulation holds a test: the whole server against a GitHub that loses,
// repeats and reorders webhooks and whose API fails, while the server's process is
// killed again and again. In the end every job ran exactly once, or the store and
// the check run say why not; what nothing explains fails the test.
//
// The server is a process of its own, the test binary started again. GitHub and the
// places that jobs run in live in the test's process, so they survive it. One seed
// gives the same story and the same faults; DRYDOCK_SIMULATION_SEED sets it, and
// DRYDOCK_SIMULATION how many runs there are at least. Nothing imports the package.
package simulation
