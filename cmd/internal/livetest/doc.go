// Package livetest runs the built program against a real container engine:
// whole workflows, as a person would run them, and whatever can go wrong with
// them. It holds tests only. They need DRYDOCK_TEST_DOCKER=1, the images of
// .ci/testimage.sh and an engine; each has its own home, state and repository,
// and fails when anything that carries its owner's label is left behind.
package livetest
