package githubtest

import "net/http"

// code is what a browser brings back from a sign-in.
type code struct{}

type environment struct{}

type release struct{}

func (g *GitHub) serveWeb(*http.ServeMux) {}

func (g *GitHub) suspend(i *Installation, on bool, by *Account) {}

func (g *GitHub) uninstall(i *Installation, by *Account) {}
