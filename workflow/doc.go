// Package workflow reads GitHub Actions workflow files into a syntax tree in
// which every scalar has its text, its kind and its position.
//
// Scalars are resolved by GitHub's rules (YAML 1.2 core), never by the YAML
// library's. Parse returns the tree and all diagnostics; it evaluates nothing
// and touches no network, clock or environment.
package workflow
