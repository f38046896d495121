// Command pretend-github is a GitHub on this machine with one App and one repository, to try
// "drydock serve" with and without GitHub: docs/operate.md says how. It writes the
// App's credentials and the address to clone from into a folder, prints check runs as
// they change, and forgets everything when it ends. It checks keys, tokens and
// signatures as GitHub does, but is nothing to work with.
package main
