// Package publicnet makes connections to machines of the internet, and to no other:
// not to this one, not to its network, not to a cloud's metadata. Servers speak
// through it to whomever strangers name.
//
// What is allowed is checked when a connection is made, never when a name is looked
// up: the name may mean something else by then.
package publicnet
