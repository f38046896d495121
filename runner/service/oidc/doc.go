// Package oidc answers core.getIDToken: it signs short-lived identity tokens
// for jobs with `id-token: write` and publishes the key that they are checked
// with, as GitHub's token.actions.githubusercontent.com does.
//
// Who a job is stands in the Grant of its bearer token; a request chooses the
// audience and nothing else. The key is made when it is first needed, so a run
// that asks for no identity never pays for one. The package decides nothing
// about trust: that is up to whoever is given the issuer's address.
package oidc
