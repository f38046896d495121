// Package grant gives one job what its zone of trust allows: GITHUB_TOKEN reduced to
// its permissions, secrets, and the rights of its caches and identity tokens.
//
// What a job is, it reads in the store, never in the job's own message alone: a
// message can be changed by whoever planned it, a run's zone cannot. It keeps no
// secret longer than the job lives.
package grant
