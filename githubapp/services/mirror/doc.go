// Package mirror keeps bare git mirrors of repositories on the server, one folder
// per repository, and brings the commits into them that somebody asks for.
// What is there already asks nothing of the network. A mirror holds whole histories
// and all files, for merge bases, versions and what Dockerfiles copy are read from
// it; of branches it holds nothing but the commits that were asked for. Nothing that
// a repository holds is run, and a token reaches git by its environment alone.
package mirror
