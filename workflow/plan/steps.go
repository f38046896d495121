package plan

import (
	"strconv"
	"strings"

	"github.com/drydock-ci/drydock/workflow"
)

// maxStepID is the longest generated step id (actions/runner: WorkflowConstants.cs, MaxNodeNameLength).
const maxStepID = 100

// FlatSteps makes the flat list of the steps of a job or a composite action. A parallel block becomes a
// marker, its steps in the background, and a wait for just these.
func FlatSteps(steps []workflow.Step) []Step {
	ids := newStepIDs(steps)
	flat := make([]Step, 0, len(steps))
	for _, s := range steps {
		p, ok := s.(*workflow.Parallel)
		if !ok {
			flat = append(flat, flatStep(s, ids))
			continue
		}
		marker := flatStep(p, ids)
		marker.Group = marker.ID
		flat = append(flat, marker)
		var targets []string
		for _, inner := range p.Steps {
			step := flatStep(inner, ids)
			step.Background, step.Group = true, marker.ID
			targets = append(targets, step.ID)
			flat = append(flat, step)
		}
		flat = append(flat, Step{
			Kind: Wait, ID: ids.generate("wait"), Pos: p.Pos,
			Name: workflow.Str("Wait"), Group: marker.ID, Targets: targets,
			ContinueOnError: p.ContinueOnError,
		})
	}
	return flat
}

func flatStep(s workflow.Step, ids *stepIDs) Step {
	c := s.Common()
	step := Step{
		ID: c.ID, Pos: c.Pos, Name: c.Name, If: c.If, Env: c.Env,
		ContinueOnError: c.ContinueOnError, TimeoutMinutes: c.TimeoutMinutes,
		Background: c.Background,
	}
	generated := ""
	switch s := s.(type) {
	case *workflow.Run:
		step.Kind, generated = Run, "run"
		step.Script, step.Shell, step.WorkingDir = s.Script, s.Shell, s.WorkingDirectory
	case *workflow.Uses:
		step.Kind, step.With = Uses, s.With
		if s.Uses != nil {
			step.Uses = s.Uses.Text
		}
		generated = usesID(step.Uses)
	case *workflow.Wait:
		step.Kind, generated = Wait, "wait"
		for _, target := range s.For {
			step.Targets = append(step.Targets, target.ID)
		}
	case *workflow.WaitAll:
		step.Kind, generated = WaitAll, "wait-all"
	case *workflow.Cancel:
		step.Kind, generated = Cancel, "cancel"
		step.Targets = []string{s.Target.ID}
	case *workflow.Parallel:
		step.Kind, generated = Parallel, "parallel"
	}
	if step.Name == nil {
		step.Name = controlName(step.Kind)
	}
	if step.ID == "" {
		step.ID = ids.generate(generated)
	}
	return step
}

// controlName is what GitHub shows for a control step without a name.
func controlName(kind StepKind) *workflow.Node {
	switch kind {
	case Wait:
		return workflow.Str("Wait")
	case WaitAll:
		return workflow.Str("Wait for all")
	case Cancel:
		return workflow.Str("Cancel")
	case Parallel:
		return workflow.Str("Parallel group")
	default:
		return nil
	}
}

// usesID is the base of the id of an action step (actions/runner:
// WorkflowTemplateConverter.cs, ConvertToSteps).
func usesID(uses string) string {
	if image, ok := strings.CutPrefix(uses, "docker://"); ok {
		return image
	}
	if strings.HasPrefix(uses, "./") || strings.HasPrefix(uses, `.\`) {
		return "self"
	}
	if strings.HasPrefix(uses, "$/") {
		return "selfRepository"
	}
	path, ref, found := strings.Cut(uses, "@")
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '/' || r == '\\' })
	if found && ref != "" && !strings.Contains(ref, "@") && len(parts) >= 2 {
		return parts[0] + "/" + parts[1]
	}
	return "run"
}

// stepIDs hands out the ids of steps that have none: all given ids are known
// before the first is generated.
type stepIDs struct {
	taken map[string]bool
	next  map[string]int // the first number of a base that may be free
}

func newStepIDs(steps []workflow.Step) *stepIDs {
	ids := &stepIDs{taken: map[string]bool{}, next: map[string]int{}}
	ids.know(steps)
	return ids
}

func (ids *stepIDs) know(steps []workflow.Step) {
	for _, s := range steps {
		if id := s.Common().ID; id != "" {
			ids.taken[strings.ToLower(id)] = true
		}
		if p, ok := s.(*workflow.Parallel); ok {
			ids.know(p.Steps)
		}
	}
}

// generate makes "__base", with _2, _3 and so on when that is taken
// (actions/runner: IdBuilder.cs).
func (ids *stepIDs) generate(base string) string {
	if base == "" {
		base = "run"
	}
	original := "__" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-':
			return r
		default:
			return '_'
		}
	}, base)
	for n := max(1, ids.next[base]); ; n++ {
		suffix := ""
		if n > 1 {
			suffix = "_" + strconv.Itoa(n)
		}
		id := original[:min(len(original), maxStepID-len(suffix))] + suffix
		if key := strings.ToLower(id); !ids.taken[key] {
			ids.taken[key] = true
			ids.next[base] = n + 1
			return id
		}
	}
}
