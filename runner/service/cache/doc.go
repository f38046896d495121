// Package cache is the cache service that jobs expect: GitHub's version 2
// (twirp) and version 1 (REST), over one store of blobs.
//
// An entry is found by repository, scope (a ref), version and key; it is written
// once and never changes. What a job may read and write says its token alone.
// The index is one small file per entry beside the blobs: it survives a crash
// at any moment, and several processes may share it. The package never reads
// what is in a cache.
package cache
