// Package githubapp is the server: a GitHub App that hears webhooks, plans the
// workflows of its repositories, runs their jobs with the engine that it is given,
// and shows runs at GitHub and on its own page.
//
// The packages below it do the work; this one puts them together, starts them and
// drains them. It knows no container, no configuration file and no command line.
package githubapp
