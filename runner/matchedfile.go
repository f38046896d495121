package runner

import (
	"archive/tar"
	"fmt"
	"path"
	"strings"
	"sync"
)

// maxRemembered bounds what is kept of files and folders that were looked at.
const maxRemembered = 1000

// checkouts knows where the repository under test lies in the place, and what
// problem matchers have found of it.
type checkouts struct {
	mu     sync.Mutex
	served []string          // folders that a served checkout filled
	files  map[string]bool   // path -> is there
	roots  map[string]string // folder -> the checkout that it belongs to, "" for none
}

func (c *checkouts) add(dir string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.served = append(c.served, dir)
	c.files, c.roots = nil, nil
}

// matchedFile is the file of a match, relative to the checkout that it lies
// in: an annotation names only what is there and belongs to the repository
// (actions/runner: OutputManager.cs).
func (x *execution) matchedFile(file string) string {
	if file == "" || x.env == nil {
		return ""
	}
	file = x.inWorkspace(x.fromContainer(strings.TrimPrefix(file, "file://")))
	x.checkouts.mu.Lock()
	defer x.checkouts.mu.Unlock()
	c := &x.checkouts
	if len(c.files) > maxRemembered || len(c.roots) > maxRemembered || c.files == nil {
		c.files, c.roots = map[string]bool{}, map[string]string{}
	}
	there, known := c.files[file]
	if !known {
		there = x.isFile(file)
		c.files[file] = there
	}
	if !there {
		return ""
	}
	root := x.checkoutOf(path.Dir(file))
	if root == "" {
		return ""
	}
	return strings.TrimPrefix(strings.TrimPrefix(file, root), "/")
}

// checkoutOf finds the checkout of the repository under test that dir lies in.
func (x *execution) checkoutOf(dir string) string {
	c := &x.checkouts
	root, known := c.roots[dir]
	if known {
		return root
	}
	for _, s := range c.served {
		if s == dir {
			root = dir
		}
	}
	if root == "" {
		config, err := x.readFile(x.life, path.Join(dir, ".git", "config"))
		switch {
		case err == nil:
			if x.isOurs(string(config)) {
				root = dir
			}
		case dir != "/" && dir != ".":
			root = x.checkoutOf(path.Dir(dir))
		}
	}
	c.roots[dir] = root
	return root
}

// isOurs tells whether a .git/config is that of a clone of the repository.
func (x *execution) isOurs(config string) bool {
	text := func(key string) string {
		v, _ := x.github.Lookup(key)
		return v.Text()
	}
	server, repository := text("server_url"), text("repository")
	if server == "" {
		server = "https://github.com"
	}
	_, host, _ := strings.Cut(server, "://")
	for line := range strings.Lines(config) {
		line = strings.TrimSpace(line)
		if strings.EqualFold(line, fmt.Sprintf("url = %s/%s", server, repository)) ||
			strings.EqualFold(line, fmt.Sprintf("url = git@%s:%s.git", host, repository)) {
			return true
		}
	}
	return false
}

// isFile tells whether a regular file is there.
func (x *execution) isFile(name string) bool {
	r, err := x.env.CopyOut(x.life, name)
	if err != nil {
		return false
	}
	defer r.Close()
	h, err := tar.NewReader(r).Next()
	return err == nil && h.Typeflag == tar.TypeReg
}
