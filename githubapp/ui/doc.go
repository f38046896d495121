// Package ui is the page: HTML, style and modules of JavaScript as they lie in
// page/, built into the program. There is no build step: edit a file, build the
// program, reload.
//
// The page asks this server's API and nobody else. It writes every text of a
// stranger as text; the only HTML that it takes are summaries, which the server
// has sanitised.
package ui
