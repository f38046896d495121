// Package affected decides which services a change builds, and says why: the
// changed files against everything that a service is made from.
// It never misses a build: what it cannot tell is built, with the reason. It reads
// only a tree and a change, and knows neither git nor GitHub nor the network. When
// nothing changed it looks at the images that Dockerfiles name, and at nothing else.
package affected
