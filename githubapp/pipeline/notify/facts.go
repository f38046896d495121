package notify

import (
	"math"
	"path"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/pipeline"
)

// facts are what is told about a service. They are ten keys: a repository_dispatch
// can have no more (GitHub docs: "Create a repository dispatch event").
type facts struct {
	Service    string   `json:"service"`
	Version    string   `json:"version"`
	Image      string   `json:"image"` // without a tag
	Digest     string   `json:"digest"`
	Tags       []string `json:"tags"`
	Commit     string   `json:"commit"`
	Repository string   `json:"repository"`
	Chart      string   `json:"chart"` // empty: it has none
	Reason     string   `json:"reason"`
	Run        run      `json:"run"`
}

type run struct {
	ID     string  `json:"id"`
	URL    string  `json:"url,omitempty"`
	Stages []stage `json:"stages"` // before this one
}

type stage struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

func (n *Notifier) facts(r pipeline.Request, result pipeline.Result) facts {
	f := facts{
		Service: result.Service, Version: result.Version, Image: result.Image.Name, Digest: result.Image.Digest, Tags: result.Tags,
		Commit: r.Commit, Repository: n.Repository, Chart: result.Chart, Reason: result.Reason,
		Run: run{ID: n.Run, URL: n.RunURL, Stages: []stage{}},
	}
	if f.Tags == nil {
		f.Tags = []string{}
	}
	for _, s := range result.Stages {
		f.Run.Stages = append(f.Run.Stages, stage{string(s.Name), math.Round(s.Took.Seconds()*1000) / 1000})
	}
	return f
}

// purl names an image for other tools (package-url: purl-types, "oci").
func purl(image pipeline.Image) string {
	escaped := strings.NewReplacer(":", "%3A")
	text := "pkg:oci/" + strings.ToLower(path.Base(image.Name))
	if image.Digest != "" {
		text += "@" + escaped.Replace(image.Digest)
	}
	return text + "?repository_url=" + escaped.Replace(image.Name)
}
