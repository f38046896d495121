// Package lint gives second opinions on workflow files: what actionlint and act's
// schema say of them, as advice. It never stops a run: whether a file is valid is
// the business of package workflow. It starts no other program (shellcheck,
// pyflakes) and does not use the network; it reads the project's local actions
// and reusable workflows, and its .github/actionlint.yaml, if it is told where
// they are.
package lint
