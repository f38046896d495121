// Package notify tells others that a service was published: a webhook gets a
// CloudEvent that is a CDEvent, signed if that is wanted, or a repository gets a
// repository_dispatch.
// What passes is tried again within bounds, so that one event may arrive twice, with
// the same id. Redirects are not followed, no more than the start of an answer is
// read, and a server can keep webhooks from its own network. Secrets and whole
// addresses, which may hold some, are in no error.
package notify
