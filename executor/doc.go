// Package executor is the contract between the engine and the places where
// jobs run: Docker containers, Kubernetes pods, the host itself.
//
// A back end creates a place, starts the helper in it and hands out a byte
// stream; the helper (package executor/helper) then does the same work
// everywhere: processes, files, hashes. Mechanism lives in the back ends;
// policy (time-outs, grace, masking, conditions, the order of clean-up) lives
// once, above this package.
//
// The package never sees YAML, expressions, GitHub or configuration files.
package executor
