// Package auth speaks to GitHub's API as an App: as itself, as one of its
// installations, and with the reduced token that a single job gets. It works
// against github.com, GitHub Enterprise Cloud and GitHub Enterprise Server.
//
// Every request goes through a Limiter, which knows GitHub's primary and
// secondary rate limits, waits, and repeats what may be repeated. The package
// decodes no webhooks, and neither logs nor stores a key or a token.
package auth
