package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/runner/service/token"
)

// Artifact is what is known of a finished artifact. It is kept as JSON beside
// its content.
type Artifact struct {
	ID         int64  `json:"id"` // unique, and larger than that of any earlier artifact
	Repository string `json:"repository"`
	Run        string `json:"run"`
	Attempt    int    `json:"attempt"`
	Job        string `json:"job"`
	Name       string `json:"name"`
	// Size is that of the content in bytes: of the zip, or of all files together.
	Size int64 `json:"size"`
	// Digest is "sha256:<hex>" of the content; empty if the client gave none.
	Digest      string    `json:"digest,omitempty"`
	ContentType string    `json:"contentType,omitempty"`
	Created     time.Time `json:"created"`
	Expires     time.Time `json:"expires"`
	// Files is the number of files of an artifact that was uploaded by the old
	// protocol, which knows single files and no zip; else 0.
	Files int `json:"files,omitempty"`
	// Loose: the content is single files.
	Loose bool `json:"loose,omitempty"`
}

const zipType = "application/zip"

// File is the name that the downloaded content should have.
func (a Artifact) File() string {
	if a.Loose || a.ContentType == zipType {
		return a.Name + ".zip"
	}
	return a.Name
}

func (a Artifact) expired(now time.Time) bool { return !a.Expires.IsZero() && !now.Before(a.Expires) }

// Keys. All that a run has made lies below runs/<run>/artifacts:
//
//	<name>-<attempt>.json  an artifact's Artifact; its name as a digest
//	<name>-loose.json      the same for one of the old protocol
//	<id>.zip               content
//	<id>/...               content of the old protocol, and its list of files
//
// A second place, artifact-ids/<id>.json, says where the artifact of an id is.

const idPrefix = "artifact-ids/"

func runPrefix(run string) string { return "runs/" + segment(run) + "/artifacts/" }

// segment is text itself if it may be part of a key, else a digest of it.
func segment(text string) string {
	plain := text != "" && len(text) <= 100 && text[0] != '.' && !strings.HasPrefix(text, "x-")
	for i := 0; plain && i < len(text); i++ {
		c := text[i]
		plain = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
	}
	if plain {
		return text
	}
	return "x-" + digest(text)
}

// namePrefix begins the keys of all artifacts with that name in a run. The
// repository is a part of it, so that no other one's run of the same number
// can be meant.
func namePrefix(repository, run, name string) string {
	return runPrefix(run) + digest(strings.ToLower(repository)+"\x00"+name) + "-"
}

func (a Artifact) recordKey() string {
	end := strconv.Itoa(a.Attempt)
	if a.Loose {
		end = "loose"
	}
	return namePrefix(a.Repository, a.Run, a.Name) + end + ".json"
}

func (a Artifact) contentKey() string { return runPrefix(a.Run) + strconv.FormatInt(a.ID, 10) + ".zip" }

func (a Artifact) folder() string { return runPrefix(a.Run) + strconv.FormatInt(a.ID, 10) + "/" }

func idKey(id int64) string { return idPrefix + strconv.FormatInt(id, 10) + ".json" }

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// sameRepository tells whether the artifact belongs to the grant's repository.
func (a Artifact) sameRepository(g token.Grant) bool {
	return strings.EqualFold(a.Repository, g.Repository)
}
