// Package api is the server's face to people and programs: a JSON API over HTTP,
// sign-in, live logs by server-sent events, metrics and health.
//
// Its handlers work on a Backend, which knows runs and events, and on Actions and
// other optional powers: a server has all of them, a laptop's run history few.
// One table of routes says what each one needs; rights follow the caller's
// permission on the repository at GitHub. The package plans nothing, and neither
// stores a person's token nor shows a secret.
package api
