// Package webhook receives GitHub's deliveries: it checks who signed them, puts
// their raw bytes into the ledger and only then answers.
//
// It never looks into a payload beyond "this is JSON", and never acts on one:
// that is for whoever claims the delivery from the store. A delivery is taken
// whole, or refused with an answer that says so; under overload it is refused
// before it costs memory.
package webhook
