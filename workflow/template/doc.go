// Package template turns the free parts of a workflow file (env, with, matrix,
// names, flags) into values: it evaluates the ${{ }} in a [workflow.Node] over
// a scope and applies GitHub's type rules to the result.
//
// It evaluates each text once; what an expression yields is never read as an
// expression again. It keeps no state and does not change the nodes.
package template
