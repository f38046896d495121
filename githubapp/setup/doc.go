// Package setup makes a GitHub App by GitHub's manifest flow and keeps what
// GitHub answers: the App's id, its private key and its secrets, in a folder that
// only its owner can read.
//
// It asks for nothing that the server does not use, prints no secret and
// overwrites no App that is there already.
package setup
