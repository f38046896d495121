// Package config gives the settings of drydock: one struct, and one table that
// names each setting's flag, environment variable, file key, default and meaning.
// Load reads flags, DRYDOCK_* variables, the project's and the user's drydock.yaml
// and the defaults, in that order of weight, and remembers where each value came
// from. It also reads the files that act's users have: .actrc, .env, .secrets,
// .vars and .input.
// It never holds a secret, never changes a file, and never reaches below the
// command line: every other package has small options of its own.
package config
