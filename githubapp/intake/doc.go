// Package intake turns deliveries into runs: it claims them from the store, finds
// the events of `on:` that they start, reads the workflow files at the commit that
// GitHub would use, holds them against their filters and plans what runs. It keeps
// why the rest did not. Schedules, workflow_run and a dispatch by hand go the same
// way; so do the buttons of check runs, and what is known of installations.
//
// The same cause makes one run, however often and by whom it is told (Origin). A
// delivery ends with a fate and a reason: what cannot succeed is never repeated for
// ever. The package runs no jobs, and decides nothing about secrets beyond the zone
// of trust that a run belongs to.
package intake
