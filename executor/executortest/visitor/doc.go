// Command visitor is a program that the conformance suite runs inside a place:
// it connects to a port that the place exposes. It is never part of a release.
package main
