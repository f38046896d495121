// Package services plans the services that a repository declares, as a run of a
// workflow that the server writes itself: each service is a job, with the decision
// whether it is built and why.
// It decides from a mirror of the repository on the server and runs nothing of it;
// what it gives is an ordinary plan, so that the queue needs to know no more than
// where such jobs run. Package worker runs them.
package services
