// Package local runs workflows of a git repository on the machine at hand: it
// reads the facts of the repository, makes the event that GitHub would have
// sent, packs the working copy for checkouts, and is a runner.Source over a
// plan.
//
// It reads the repository with the git program and never changes it: no lock,
// no index refresh, no fetch. It never touches the network, never opens an
// ignored file and knows no executor.
package local
