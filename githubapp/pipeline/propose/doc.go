// Package propose makes a first declaration of a repository's services out of its
// Dockerfiles and Go main packages, as text for people to go on with.
// It only reads a tree; what it proposes is valid, and surely not complete.
package propose
