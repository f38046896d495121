// Package declaration reads the services of a repository: the mapping "services"
// of its drydock.yaml, strictly, every value with its text, kind and position.
// The keys are one table, from which Parse reads and Schema tells editors.
// The other keys of the file are package config's; Parse leaves them alone. It
// never looks at files: Missing asks its caller which are there.
package declaration
