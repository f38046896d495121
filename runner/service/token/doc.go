// Package token makes and checks the one token that a job's steps carry to the
// services of the job: ACTIONS_RUNTIME_TOKEN.
//
// A token is a JWT of the shape that GitHub's clients read, signed with a key
// that lives in the Issuer and nowhere else. What its bearer may do stands in
// the Grant that the Issuer keeps, never in what a client sends: a token of a
// job that has ended is dead at once, whatever its text says. The package
// never writes a token anywhere.
package token
