// Package attacktest holds tests only: the attacks that systems of this kind
// have suffered, each as a test named after it, through the real engine, the
// real services over HTTP, real places and real git repositories.
//
// The table in table_test.go says which test stands for which incident, and
// why some do not apply. The table in mutants_test.go turns each defence off,
// one at a time, to show that its test notices: `make security-mutants`. The
// package never changes what the product does; there is no switch for it.
package attacktest
