// Package githubtest is a GitHub for tests: one server on a loopback address with
// the App's side of the REST API, repositories that are real git repositories
// served over HTTP, signed webhooks, a sign-in for people, and faults on demand.
// It is laid out as GitHub Enterprise Server is: the API below /api/v3, uploads
// below /api/uploads, pages and git at the root.
//
// It checks what GitHub checks (keys, tokens, permissions, limits) and answers in
// GitHub's shapes; a test holds them to GitHub's published description. It leaves
// out GraphQL, Actions' own API (runs, artifacts, caches, secrets, variables),
// deployments, reviews, rulesets, hooks of repositories, projects, packages, Git
// LFS, patches in diffs and signed commits; the protection of a branch is shown and
// hinders nobody. A request for what it does not know is answered 404 with a message
// that says so, and listed by Unserved. It never speaks to anything but the webhook's
// address.
package githubtest
