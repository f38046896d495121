package action

import (
	"strings"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Action is what an action.yml says.
type Action struct {
	File        string // as given to ParseManifest, or the Dockerfile's name
	Name        string
	Description string
	Inputs      []Input  // in the file's order
	Outputs     []Output // in the file's order
	Runs        Runs
}

// Input gives the input with that id (ids ignore case), or nil.
func (a *Action) Input(id string) *Input {
	for i := range a.Inputs {
		if strings.EqualFold(a.Inputs[i].ID, id) {
			return &a.Inputs[i]
		}
	}
	return nil
}

// Uses gives the references of a composite action's steps that can be read,
// in order, each once.
func (a *Action) Uses() []Ref {
	var refs []Ref
	seen := map[Ref]bool{}
	for _, s := range a.Runs.Steps {
		if s.Kind != plan.Uses {
			continue
		}
		if ref, err := ParseUses(s.Uses); err == nil && !seen[ref] {
			seen[ref] = true
			refs = append(refs, ref)
		}
	}
	return refs
}

// Input is one entry of inputs. Required is told to people only: GitHub does
// not enforce it.
type Input struct {
	ID          string
	Description string
	Required    bool
	Default     *workflow.Node // may hold expressions; nil: the empty string
	Deprecation string         // deprecationMessage, shown when the input is given
	Pos         workflow.Pos
}

// Output is one entry of outputs; Value counts for composite actions.
type Output struct {
	ID          string
	Description string
	Value       *workflow.Node
	Pos         workflow.Pos
}

// Using is what runs an action, in lower case.
type Using string

// The values of runs.using. Node12 and Node16 run with node 20 or later, see
// NodeVersion.
const (
	Node12    Using = "node12"
	Node16    Using = "node16"
	Node20    Using = "node20"
	Node24    Using = "node24"
	Docker    Using = "docker"
	Composite Using = "composite"
)

var usings = []Using{Composite, Docker, Node12, Node16, Node20, Node24}

// IsNode tells whether it is a JavaScript action.
func (u Using) IsNode() bool { return strings.HasPrefix(string(u), "node") }

// Runs is the `runs:` of an action; what does not belong to Using is empty.
type Runs struct {
	Using Using
	Pos   workflow.Pos

	// JavaScript actions: files below the action's folder.
	Main, Pre, Post string

	// PreIf and PostIf are conditions; "always()" when the file gives none.
	PreIf, PostIf string

	// Docker actions. Image is a path to a Dockerfile or docker://image. Args
	// and Env may hold expressions on inputs.
	Image                                     string
	Entrypoint, PreEntrypoint, PostEntrypoint string
	Args                                      []*workflow.Node
	Env                                       *workflow.Node

	// Steps of a composite action.
	Steps []plan.Step
}

// DockerImage is the image that a docker action names; else it is built from
// a Dockerfile.
func (r Runs) DockerImage() (image string, named bool) {
	image, named = strings.CutPrefix(r.Image, imageScheme)
	return image, named && r.Using == Docker
}
