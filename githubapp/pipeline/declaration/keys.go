package declaration

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/distribution/reference"

	"github.com/drydock-ci/drydock/githubapp/pipeline/version"
	"github.com/drydock-ci/drydock/workflow"
)

// platforms are those that images can be built for.
var platforms = []string{
	"linux/amd64", "linux/arm64", "linux/arm/v7", "linux/arm/v6", "linux/386", "linux/ppc64le", "linux/riscv64", "linux/s390x",
}

// serviceKeys are the keys of a service.
var serviceKeys = []key[Service]{
	{"path", "Folder of the service. Every change below it builds the service.", text,
		func(r *reader, what string, n *workflow.Node, s *Service) { s.Path = r.path(what, n) }},
	{"watch", "Globs of more files that build the service, such as proto/**; with \"!\" in front files that do not, such as \"!**/*.md\".", texts,
		func(r *reader, what string, n *workflow.Node, s *Service) { s.Watch = r.list(what, n, r.glob) }},
	{"depends-on", "Services that are built before this one, and whose new build builds this one too.", texts,
		func(r *reader, what string, n *workflow.Node, s *Service) { s.DependsOn = r.list(what, n, r.scalar) }},
	{"test", "What must pass before the image is built.", object(testKeys),
		func(r *reader, what string, n *workflow.Node, s *Service) {
			s.Test = &Test{}
			mapping(r, what, n, testKeys, s.Test)
			r.checkTest(what, n.Pos, s.Test)
		}},
	{"build", "How the image is made. Default: the Dockerfile in the service's folder.", object(buildKeys),
		func(r *reader, what string, n *workflow.Node, s *Service) {
			if n.Kind == workflow.String && n.Text == "ko" {
				s.Build.Ko = inFolder(n)
				return
			}
			mapping(r, what, n, buildKeys, &s.Build)
		}},
	{"image", "Name of the image, with its registry and without a tag: registry.example/agenda.", text,
		func(r *reader, what string, n *workflow.Node, s *Service) { s.Image = r.image(what, n) }},
	{"tags", "Templates of tags: ${" + strings.Join(version.Variables(), "}, ${") + "}. One that needs what is not known is left out.", texts,
		func(r *reader, what string, n *workflow.Node, s *Service) { s.Tags = r.list(what, n, r.tag) }},
	{"chart", "Folder of a Helm chart that is packed with the image's version and pushed.", either(text, object(chartKeys)),
		func(r *reader, what string, n *workflow.Node, s *Service) {
			s.Chart = &Chart{}
			if n.IsScalar() {
				s.Chart.Path = r.path(what, n)
				return
			}
			mapping(r, what, n, chartKeys, s.Chart)
			if n.Kind == workflow.Mapping && n.Lookup("path").IsNull() {
				r.fail(n.Pos, "missing-key", what+" has no \"path\"", "give the chart's folder")
			}
		}},
	{"notify", "Who is told about a finished service.", either(object(notifyKeys), map[string]any{"type": "array", "items": object(notifyKeys)}),
		func(r *reader, what string, n *workflow.Node, s *Service) {
			items := n.Items
			if n.Kind != workflow.Sequence {
				items = []*workflow.Node{n}
			}
			for _, item := range items {
				var one Notification
				mapping(r, what, item, notifyKeys, &one)
				if item.Kind == workflow.Mapping && one.Webhook.Given() == one.Dispatch.Given() {
					r.fail(item.Pos, "bad-notify", what+" must have either \"webhook\" or \"dispatch\"", "")
				}
				s.Notify = append(s.Notify, one)
			}
		}},
}

var testKeys = []key[Test]{
	{"workflow", "Workflow file that must succeed.", text, func(r *reader, what string, n *workflow.Node, t *Test) { t.Workflow = r.path(what, n) }},
	{"job", "The one job of the workflow that must succeed; default: all.", text, func(r *reader, what string, n *workflow.Node, t *Test) { t.Job = r.scalar(what, n) }},
	{"image", "Image that the command runs in.", text, func(r *reader, what string, n *workflow.Node, t *Test) { t.Image = r.scalar(what, n) }},
	{"run", "Command that must succeed, in the service's folder.", text, func(r *reader, what string, n *workflow.Node, t *Test) { t.Run = r.script(what, n) }},
}

var buildKeys = []key[Build]{
	{"dockerfile", "Path of the Dockerfile. Default: Dockerfile in the service's folder.", text, func(r *reader, what string, n *workflow.Node, b *Build) { b.Dockerfile = r.path(what, n) }},
	{"context", "Folder that the Dockerfile copies from. Default: the service's folder.", text, func(r *reader, what string, n *workflow.Node, b *Build) { b.Context = r.path(what, n) }},
	{"target", "Stage to build. Default: the last.", text, func(r *reader, what string, n *workflow.Node, b *Build) { b.Target = r.scalar(what, n) }},
	{"args", "Values of the Dockerfile's ARGs.", map[string]any{"type": "object", "additionalProperties": anyScalar}, func(r *reader, what string, n *workflow.Node, b *Build) { b.Args = r.pairs(what, n) }},
	{"secrets", "Secrets for RUN --mount=type=secret: a list of ids, or a mapping of ids to the names of secrets.", either(texts, map[string]any{"type": "object", "additionalProperties": text}), func(r *reader, what string, n *workflow.Node, b *Build) { b.Secrets = r.secrets(what, n) }},
	{"ssh", "Agents for RUN --mount=type=ssh, such as default.", texts, func(r *reader, what string, n *workflow.Node, b *Build) { b.SSH = r.list(what, n, r.scalar) }},
	{"platforms", "Platforms that the image is made for. Default: that of the builder.", platformSchema, func(r *reader, what string, n *workflow.Node, b *Build) {
		b.Platforms = r.list(what, n, r.platform)
	}},
	{"provenance", "How much of what made the image is attested beside it: min, or max with arguments and Dockerfile. Needs a buildkitd, or a Docker engine with containerd's image store.", provenances, func(r *reader, what string, n *workflow.Node, b *Build) {
		if b.Provenance = r.scalar(what, n); b.Provenance.Given() && b.Provenance.Text != "min" && b.Provenance.Text != "max" {
			r.fail(n.Pos, "bad-provenance", fmt.Sprintf("%s: %q is neither min nor max", what, b.Provenance.Text), "leave it out for none")
		}
	}},
	{"sbom", "A list of the image's software is attested beside it: true, or the image of a scanner in place of BuildKit's. Needs what provenance needs.", either(text, map[string]any{"const": true}), func(r *reader, what string, n *workflow.Node, b *Build) {
		b.SBOM = r.scanner(what, n)
	}},
	{"ko", "Folder of the Go main package that is built without a Dockerfile; true is the service's folder.", either(text, map[string]any{"const": true}), func(r *reader, what string, n *workflow.Node, b *Build) {
		if n.Kind == workflow.Bool && n.Bool {
			b.Ko = inFolder(n)
			return
		}
		b.Ko = r.path(what, n)
	}},
	{"workflow", "Workflow file whose job builds and pushes the image.", text, func(r *reader, what string, n *workflow.Node, b *Build) { b.Workflow = r.path(what, n) }},
	{"job", "The job that builds and pushes the image.", text, func(r *reader, what string, n *workflow.Node, b *Build) { b.Job = r.scalar(what, n) }},
}

var chartKeys = []key[Chart]{
	{"path", "Folder of the chart.", text, func(r *reader, what string, n *workflow.Node, c *Chart) { c.Path = r.path(what, n) }},
	{"repository", "Where the chart is pushed to. Default: charts beside the image.", text, func(r *reader, what string, n *workflow.Node, c *Chart) { c.Repository = r.image(what, n) }},
}

var notifyKeys = []key[Notification]{
	{"webhook", "URL that gets a CloudEvent.", text, func(r *reader, what string, n *workflow.Node, o *Notification) { o.Webhook = r.url(what, n) }},
	{"secret", "Name of the secret that signs what the webhook gets.", text, func(r *reader, what string, n *workflow.Node, o *Notification) { o.Secret = r.scalar(what, n) }},
	{"dispatch", "OWNER/REPO that gets a repository_dispatch.", text, func(r *reader, what string, n *workflow.Node, o *Notification) { o.Dispatch = r.repository(what, n) }},
	{"event-type", "Type of the repository_dispatch. Default: service-published.", text, func(r *reader, what string, n *workflow.Node, o *Notification) { o.EventType = r.scalar(what, n) }},
}

// inFolder stands for the service's folder until its path is known: the one Ko
// that is a boolean.
func inFolder(n *workflow.Node) Scalar { return Scalar{"true", workflow.Bool, n.Pos} }

// script reads a command, which may have several lines.
func (r *reader) script(what string, n *workflow.Node) Scalar {
	if n.Kind == workflow.String && strings.TrimSpace(n.Text) != "" {
		return Scalar{n.Text, n.Kind, n.Pos}
	}
	return r.scalar(what, n)
}

func (r *reader) glob(what string, n *workflow.Node) Scalar {
	s := r.scalar(what, n)
	if !s.Given() {
		return s
	}
	pattern := strings.TrimPrefix(s.Text, "!")
	if _, problem := cleanPath(pattern); problem != "" || pattern == "" || !doublestar.ValidatePattern(pattern) {
		r.fail(s.Pos, "bad-glob", fmt.Sprintf("%s: %q is no glob below the top of the repository", what, s.Text), "write it as proto/** or \"!**/*.md\"")
		return Scalar{}
	}
	return s
}

func (r *reader) tag(what string, n *workflow.Node) Scalar {
	// - {sha} is a mapping in YAML.
	if n.Kind == workflow.Mapping && len(n.Entries) == 1 {
		r.fail(n.Pos, "bad-tag", what+" must be a list of texts", fmt.Sprintf("did you mean ${%s}?", n.Entries[0].Key.Text))
		return Scalar{}
	}
	s := r.scalar(what, n)
	if !s.Given() {
		return s
	}
	if _, err := version.ParseTemplate(s.Text); err != nil {
		hint := "variables are ${" + strings.Join(version.Variables(), "}, ${") + "}"
		if unknown, ok := asUnknown(err); ok {
			hint = workflow.Suggest(unknown, version.Variables())
		}
		r.fail(s.Pos, "bad-tag", fmt.Sprintf("%s: %s", what, err), hint)
		return Scalar{}
	}
	return s
}

func (r *reader) platform(what string, n *workflow.Node) Scalar {
	s := r.scalar(what, n)
	if s.Given() && !slices.Contains(platforms, s.Text) {
		r.fail(s.Pos, "bad-platform", fmt.Sprintf("%s: platform %q is not supported", what, s.Text), workflow.Suggest(s.Text, platforms))
		return Scalar{}
	}
	return s
}

func (r *reader) image(what string, n *workflow.Node) Scalar {
	s := r.scalar(what, n)
	if !s.Given() {
		return s
	}
	named, err := reference.ParseNormalizedNamed(s.Text)
	switch {
	case err != nil:
		r.fail(s.Pos, "bad-image", fmt.Sprintf("%s: %q is no name of an image", what, s.Text), "write it as registry.example/agenda")
		return Scalar{}
	case !reference.IsNameOnly(named):
		r.fail(s.Pos, "bad-image", fmt.Sprintf("%s: %q has a tag or digest", what, s.Text), "leave it out; \"tags\" says which tags the image gets")
		return Scalar{}
	}
	return s
}

// scanner reads the image that writes an SBOM; it may have a tag or digest.
func (r *reader) scanner(what string, n *workflow.Node) Scalar {
	s := r.scalar(what, n)
	if _, err := reference.ParseNormalizedNamed(s.Text); s.Given() && (n.Kind != workflow.Bool && err != nil || n.Kind == workflow.Bool && !n.Bool) {
		r.fail(s.Pos, "bad-image", fmt.Sprintf("%s: %q is neither true nor an image", what, s.Text), "leave it out for none")
		return Scalar{}
	}
	return s
}

func (r *reader) url(what string, n *workflow.Node) Scalar {
	s := r.scalar(what, n)
	if u, err := url.Parse(s.Text); s.Given() && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil) {
		r.fail(s.Pos, "bad-url", fmt.Sprintf("%s: %q is no http or https URL without a password", what, s.Text), "")
		return Scalar{}
	}
	return s
}

func (r *reader) repository(what string, n *workflow.Node) Scalar {
	s := r.scalar(what, n)
	owner, name, ok := strings.Cut(s.Text, "/")
	if s.Given() && (!ok || owner == "" || name == "" || strings.ContainsAny(name, "/ ")) {
		r.fail(s.Pos, "bad-repository", fmt.Sprintf("%s: %q is no repository", what, s.Text), "write it as owner/repo")
		return Scalar{}
	}
	return s
}

// secrets reads ids; one that is not mapped to a name has its own.
func (r *reader) secrets(what string, n *workflow.Node) []Pair {
	if n.Kind == workflow.Mapping {
		return r.pairs(what, n)
	}
	var all []Pair
	for _, s := range r.list(what, n, r.scalar) {
		all = append(all, Pair{s, s})
	}
	return all
}
