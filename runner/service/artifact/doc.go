// Package artifact keeps what jobs upload and gives it back: to other jobs of
// the run, to later runs of the repository, and to a person.
//
// It speaks the two protocols that upload-artifact and download-artifact use
// (twirp since v4, REST before), and the few calls of GitHub's REST API that a
// download from another run makes. Who asks stands in the request's Grant; no
// text of a client, neither a name nor a path, ever becomes a key or the name
// of a file. A finished artifact of v4 never changes.
package artifact
