package declaration

import (
	"encoding/json"
	"path"
	"slices"

	"github.com/drydock-ci/drydock/workflow"
)

// FileName is the file at the top of a repository that declares its services.
const FileName = "drydock.yaml"

// Scalar is a value with its kind and place. The zero Scalar means: not given.
type Scalar struct {
	Text string
	Kind workflow.Kind
	Pos  workflow.Pos
}

// Given tells whether the value stands in the file, or is a default.
func (s Scalar) Given() bool { return s.Text != "" }

// MarshalJSON gives the text alone: two declarations mean the same wherever they
// stand in their file.
func (s Scalar) MarshalJSON() ([]byte, error) { return json.Marshal(s.Text) }

// Pair is one entry of a mapping.
type Pair struct {
	Name, Value Scalar
}

// Services are what a repository declares, in the order of the file.
type Services struct {
	File string
	List []*Service
}

// Lookup finds a service, or gives nil.
func (s *Services) Lookup(name string) *Service {
	i := slices.IndexFunc(s.List, func(one *Service) bool { return one.Name.Text == name })
	if i < 0 {
		return nil
	}
	return s.List[i]
}

// Names are the services' names, in the order of the file.
func (s *Services) Names() []string {
	names := make([]string, len(s.List))
	for i, one := range s.List {
		names[i] = one.Name.Text
	}
	return names
}

// Service is one image and what it is made from. Paths are relative to the top of
// the repository, with slashes, and clean.
type Service struct {
	Name      Scalar
	Path      Scalar
	Watch     []Scalar // globs; with "!" in front what does not count
	DependsOn []Scalar
	Test      *Test
	Build     Build
	Image     Scalar   // without a tag
	Tags      []Scalar // templates; none: version.DefaultTags
	Chart     *Chart
	Notify    []Notification
}

// Test is what must pass before the image is built: a workflow or one job of it,
// or a command in an image.
type Test struct {
	Workflow, Job Scalar
	Image, Run    Scalar
}

// Build is how the image is made: by a Dockerfile, by ko or by a job.
type Build struct {
	Dockerfile Scalar
	Context    Scalar
	Target     Scalar
	Args       []Pair
	Secrets    []Pair // id, and the name of the secret or variable that holds it
	SSH        []Scalar
	Platforms  []Scalar // none: the builder's own
	Provenance Scalar   // min or max; empty: none
	SBOM       Scalar   // image that writes it; "true": BuildKit's own; empty: none

	Ko Scalar // folder of the main package

	Workflow, Job Scalar
}

// Chart is a Helm chart that is packed with the image's version and pushed.
type Chart struct {
	Path       Scalar
	Repository Scalar // where it is pushed to; empty: "charts" beside the image
}

// Notification tells somebody about a finished service.
type Notification struct {
	Webhook   Scalar // URL that gets CloudEvents
	Secret    Scalar // name of the secret that signs them; may be empty
	Dispatch  Scalar // owner/repo that gets a repository_dispatch
	EventType Scalar
}

// ChartRepository is where the chart goes.
func (s *Service) ChartRepository() string {
	if s.Chart.Repository.Given() {
		return s.Chart.Repository.Text
	}
	return path.Join(path.Dir(s.Image.Text), "charts")
}

// Differs gives the keys of which two declarations of a service say something
// else, sorted by the service's fields; none: they mean the same.
func (s *Service) Differs(other *Service) []string {
	var keys []string
	for _, k := range []struct {
		name string
		a, b any
	}{
		{"path", s.Path, other.Path},
		{"watch", s.Watch, other.Watch},
		{"depends-on", s.DependsOn, other.DependsOn},
		{"test", s.Test, other.Test},
		{"build", s.Build, other.Build},
		{"image", s.Image, other.Image},
		{"tags", s.Tags, other.Tags},
		{"chart", s.Chart, other.Chart},
		{"notify", s.Notify, other.Notify},
	} {
		a, errA := json.Marshal(k.a)
		b, errB := json.Marshal(k.b)
		if errA != nil || errB != nil || string(a) != string(b) {
			keys = append(keys, k.name)
		}
	}
	return keys
}
