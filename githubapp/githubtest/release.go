package githubtest

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

// release is a release of a repository.
type release struct {
	id         int64
	tag        string
	target     string
	name, body string
	prerelease bool
	by         *Account
	made       time.Time
	assets     []*asset
}

// asset is a file of a release.
type asset struct {
	id         int64
	name, kind string
	data       []byte
	by         *Account
	made       time.Time
}

// Release publishes a release; its tag is made at the default branch if need be.
func (r *Repository) Release(tag string, prerelease bool, login string) {
	r.pushing.Lock()
	defer r.pushing.Unlock()
	r.gh.mu.Lock()
	defer r.gh.mu.Unlock()
	r.publish(&release{tag: tag, target: r.defaultBranch, prerelease: prerelease, by: r.person(login)})
}

func (r *Repository) publish(l *release) bool {
	at, found := r.git.commit("refs/heads/" + l.target)
	if !found {
		return false
	}
	l.id, l.made = r.gh.id("release"), r.gh.now()
	r.releases = append(r.releases, l)
	if _, there := r.git.commit("refs/tags/" + l.tag); !there {
		if r.git.setRef("refs/tags/"+l.tag, at.sha) != nil {
			return false
		}
		r.received([]moved{{"refs/tags/" + l.tag, zeroSHA, at.sha}}, l.by)
	}
	last := "released"
	if l.prerelease {
		last = "prereleased"
	}
	for _, action := range []string{"created", "published", last} {
		r.gh.emit(delivered{event: "release", action: action, repo: r, by: l.by, body: object{"release": r.releaseJSON(l)}})
	}
	return true
}

func (r *Repository) releaseJSON(l *release) object {
	assets := []object{}
	for _, a := range l.assets {
		assets = append(assets, r.assetJSON(l, a))
	}
	self := r.at("releases/%d", l.id)
	return object{
		"url": self, "assets_url": self + "/assets", "upload_url": strings.Replace(self, "/api/v3/", "/api/uploads/", 1) + "/assets{?name,label}",
		"html_url": r.gh.web("%s/releases/tag/%s", r.FullName, escapePath(l.tag)), "id": l.id, "node_id": nodeID("Release", l.id), "tag_name": l.tag,
		"target_commitish": l.target, "name": orNull(l.name), "draft": false, "immutable": false, "author": r.gh.userJSON(l.by), "prerelease": l.prerelease,
		"created_at": stamp(l.made), "published_at": stamp(l.made), "updated_at": stamp(l.made), "assets": assets,
		"tarball_url": r.at("tarball/%s", escapePath(l.tag)), "zipball_url": r.at("zipball/%s", escapePath(l.tag)), "body": orNull(l.body),
	}
}

// releaseCreate is POST /repos/{owner}/{repo}/releases.
func (c *call) releaseCreate() answer {
	var in struct {
		Tag        string `json:"tag_name"`
		Target     string `json:"target_commitish"`
		Name, Body string
		Prerelease bool
	}
	if bad := c.decode(&in); bad != nil {
		return *bad
	}
	l := &release{tag: in.Tag, target: in.Target, name: in.Name, body: in.Body, prerelease: in.Prerelease, by: c.gh.actor(c.who)}
	if l.target == "" {
		l.target = c.repo.defaultBranch
	}
	if !c.repo.pushing.TryLock() {
		return busy()
	}
	defer c.repo.pushing.Unlock()
	if in.Tag == "" || !c.repo.publish(l) {
		return invalid("Release", "tag_name", "invalid")
	}
	return created(c.repo.releaseJSON(l))
}

func (c *call) releasesList() answer {
	var all []any
	for i := len(c.repo.releases) - 1; i >= 0; i-- {
		all = append(all, c.repo.releaseJSON(c.repo.releases[i]))
	}
	return list(all, "")
}

func (r *Repository) assetJSON(l *release, a *asset) object {
	sum := sha256.Sum256(a.data)
	return object{
		"id": a.id, "node_id": nodeID("ReleaseAsset", a.id), "url": r.at("releases/assets/%d", a.id), "name": a.name, "label": "", "state": "uploaded",
		"content_type": a.kind, "size": len(a.data), "digest": "sha256:" + hex.EncodeToString(sum[:]), "download_count": 0, "uploader": r.gh.userJSON(a.by),
		"created_at": stamp(a.made), "updated_at": stamp(a.made),
		"browser_download_url": r.gh.web("%s/releases/download/%s/%s", r.FullName, escapePath(l.tag), escapePath(a.name)),
	}
}

func (c *call) releaseAsked() (*release, *answer) {
	for _, l := range c.repo.releases {
		if itoa(l.id) == c.r.PathValue("release_id") || l.tag == c.r.PathValue("tag") {
			return l, nil
		}
	}
	return nil, notFound()
}

func (c *call) releaseShow() answer {
	l, bad := c.releaseAsked()
	if bad != nil {
		return *bad
	}
	return ok(c.repo.releaseJSON(l))
}

// assetUpload is POST /repos/{owner}/{repo}/releases/{release_id}/assets, below the
// address for uploads.
func (c *call) assetUpload() answer {
	l, bad := c.releaseAsked()
	if bad != nil {
		return *bad
	}
	a := &asset{id: c.gh.id("asset"), name: c.r.URL.Query().Get("name"), kind: c.r.Header.Get("Content-Type"), data: c.body, by: c.gh.actor(c.who), made: c.gh.now()}
	if a.name == "" {
		return invalid("ReleaseAsset", "name", "missing_field")
	}
	for _, old := range l.assets {
		if old.name == a.name {
			return invalid("ReleaseAsset", "name", "already_exists")
		}
	}
	l.assets = append(l.assets, a)
	return created(c.repo.assetJSON(l, a))
}

// assetShow gives what GitHub knows of a file, or the file.
func (c *call) assetShow() answer {
	for _, l := range c.repo.releases {
		for _, a := range l.assets {
			if itoa(a.id) != c.r.PathValue("asset_id") {
				continue
			}
			if c.r.Header.Get("Accept") == "application/octet-stream" {
				return answer{status: http.StatusOK, raw: a.data, kind: a.kind}
			}
			return ok(c.repo.assetJSON(l, a))
		}
	}
	return *notFound()
}
