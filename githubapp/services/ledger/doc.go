// Package ledger keeps what became of the services of repositories: one entry for
// each pipeline of a service, the newest of them, in the store's values.
// It decides nothing, holds no secret and knows no registry: it remembers.
package ledger
