// Package vault keeps secrets and variables: sealed in the store with a key that
// the store never sees, and besides in a folder of files that others write, such as
// mounted Secrets of Kubernetes. Files go by names, so whoever gets the name of an
// account or a repository at GitHub gets its files.
//
// What is sealed opens only for the purpose it was sealed for, so a row that
// somebody moves within the database is worth nothing. A value is handed to whoever
// runs a job; nothing shows one again, and no error or log names one.
package vault
