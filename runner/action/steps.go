package action

import (
	"fmt"
	"strings"

	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// planSteps makes the steps of a composite action; there are only run and uses
// steps in it. Ids are generated as for a job's steps (actions/runner:
// WorkflowTemplateConverter.cs, ConvertToSteps; IdBuilder.cs).
func planSteps(steps []workflow.Step) []plan.Step {
	taken := map[string]bool{}
	for _, s := range steps {
		taken[strings.ToLower(s.Common().ID)] = true
	}
	made := make([]plan.Step, 0, len(steps))
	for _, s := range steps {
		c := s.Common()
		step := plan.Step{
			ID: c.ID, Pos: c.Pos, Name: c.Name, If: c.If, Env: c.Env,
			ContinueOnError: c.ContinueOnError, TimeoutMinutes: c.TimeoutMinutes,
		}
		base := "run"
		switch s := s.(type) {
		case *workflow.Run:
			step.Kind, step.Script, step.Shell, step.WorkingDir = plan.Run, s.Script, s.Shell, s.WorkingDirectory
		case *workflow.Uses:
			step.Kind, step.Uses, step.With = plan.Uses, s.Uses.ScalarText(), s.With
			base = usesID(step.Uses)
		default:
			continue // refused by workflow.ParseSteps
		}
		if step.ID == "" {
			step.ID = freeID(base, taken)
		}
		made = append(made, step)
	}
	return made
}

func usesID(uses string) string {
	ref, err := ParseUses(uses)
	if err != nil {
		return "run"
	}
	switch ref.Kind {
	case Local:
		return "self"
	case Self:
		return "selfRepository"
	case Image:
		return ref.Image
	default:
		return ref.Repository
	}
}

func freeID(base string, taken map[string]bool) string {
	const longest = 100
	plain := strings.Map(func(r rune) rune {
		if strings.ContainsRune(nameChars, r) && r != '.' {
			return r
		}
		return '_'
	}, base)
	for n := 1; ; n++ {
		suffix := ""
		if n > 1 {
			suffix = fmt.Sprintf("_%d", n)
		}
		id := "__" + plain[:min(len(plain), longest-2-len(suffix))] + suffix
		if key := strings.ToLower(id); !taken[key] {
			taken[key] = true
			return id
		}
	}
}
