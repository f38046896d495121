// Package conformance proves that the packages of the workflow language agree
// with GitHub. It has tests only: GitHub's own cases, real workflows of public
// projects, a differential run against GitHub's npm packages, seeded typing
// errors, hostile files, and the speed of reading.
//
// Data comes from the folder that DRYDOCK_SHARED names. Every difference that
// is accepted stands with its reason in known_test.go.
package conformance
