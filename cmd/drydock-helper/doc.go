// Command drydock-helper is the helper that runs inside a job's place
// (package executor/helper/serve). It holds nothing but that, so that it stays
// small enough to be copied into every place.
package main
