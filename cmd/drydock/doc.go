// Command drydock is the program people use; see cmd/internal/cli.
package main
