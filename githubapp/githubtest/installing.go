package githubtest

import (
	"maps"
	"time"
)

// Select narrows an installation to some of the account's repositories, or widens
// it to all with none, and tells what that changed.
func (g *GitHub) Select(login string, repositories ...*Repository) {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := g.install(g.account(login, "Organization"), nil)
	before := map[*Repository]bool{}
	for _, r := range g.covered(i) {
		before[r] = true
	}
	i.selected = nil
	if len(repositories) > 0 {
		i.selected = map[int64]bool{}
		for _, r := range repositories {
			i.selected[r.ID] = true
		}
	}
	added, removed := []object{}, []object{}
	for _, r := range g.covered(i) {
		if !before[r] {
			added = append(added, r.brief())
		}
		delete(before, r)
	}
	for _, r := range g.byID() {
		if before[r] {
			removed = append(removed, r.brief())
		}
	}
	shown := g.installationJSON(i)
	tell := func(action string, added, removed []object) {
		if len(added)+len(removed) == 0 {
			return
		}
		g.emit(delivered{event: "installation_repositories", action: action, installation: i, by: g.somebody(), body: object{
			"installation": shown, "repository_selection": shown["repository_selection"], "repositories_added": added, "repositories_removed": removed, "requester": nil,
		}})
	}
	tell("added", added, []object{})
	tell("removed", []object{}, removed)
}

// Grant changes the permissions of an installation; "none" takes one away.
func (g *GitHub) Grant(login string, permissions map[string]string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := g.install(g.account(login, "Organization"), nil)
	now := maps.Clone(i.permissions)
	for name, level := range permissions {
		now[name] = level
		if level == "none" {
			delete(now, name)
		}
	}
	i.permissions = now
	g.emitInstallation(i, "new_permissions_accepted", g.somebody())
}

// Install installs the App on an account and tells of it.
func (g *GitHub) Install(login string) *Installation {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.install(g.account(login, "Organization"), g.somebody())
}

// Suspend suspends the installation on an account, or ends that.
func (g *GitHub) Suspend(login string, on bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.suspend(g.install(g.account(login, "Organization"), nil), on, g.somebody())
}

// Uninstall removes the App from an account. Its tokens are dead.
func (g *GitHub) Uninstall(login string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.uninstall(g.install(g.account(login, "Organization"), nil), g.somebody())
}

func (g *GitHub) suspend(i *Installation, on bool, by *Account) {
	i.suspended = time.Time{}
	action := "unsuspend"
	if on {
		i.suspended, action = g.now(), "suspend"
	}
	g.emitInstallation(i, action, by)
}

func (g *GitHub) uninstall(i *Installation, by *Account) {
	g.emitInstallation(i, "deleted", by)
	for at, one := range g.installations {
		if one == i {
			g.installations = append(g.installations[:at], g.installations[at+1:]...)
			return
		}
	}
}
