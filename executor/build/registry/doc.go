// Package registry pushes images from OCI layouts to registries, moves tags and
// tells what a tag points to (distribution: spec).
//
// A push sends layers first, each with retries that go on where an upload was
// cut off, then the manifests of all platforms, reads back what the registry
// has, and only then moves tags. Credentials are the user's own (Docker's
// configuration and its helpers) or given ones.
//
// The package never builds, never sends anything unencrypted to a host that is
// neither this machine nor declared so, and never moves a tag to an image that
// is not wholly there. With Options.PublicOnly no registry leads it into the own
// network.
package registry
