package dockerfile

import (
	"fmt"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// triggers are the instructions that a stage has for those that start from it: they
// run before the others there (BuildKit: dockerfile2llb, initOnBuildTriggers), and no
// later stage inherits them.
func (f *file) triggers(stage int, out *found) []instructions.Command {
	var all []instructions.Command
	for _, c := range f.stages[stage].Commands {
		onbuild, ok := c.(*instructions.OnbuildCommand)
		if !ok {
			continue
		}
		line := line(onbuild.Location())
		if f.ran++; f.ran > maxInstructions {
			out.sources = append(out.sources, Source{Pattern: ".", Text: "ONBUILD", Line: line, Doubt: "there are too many triggers to look at each"})
			return nil
		}
		command, err := trigger(onbuild.Expression, line)
		if err != nil {
			out.sources = append(out.sources, Source{
				Pattern: ".", Text: "ONBUILD " + onbuild.Expression, Line: line, Doubt: fmt.Sprintf("the trigger cannot be read: %v", err),
			})
			continue
		}
		all = append(all, command)
	}
	return all
}

// trigger reads one instruction, as if it stood in the line of its ONBUILD.
func trigger(expression string, line int) (instructions.Command, error) {
	result, err := parser.Parse(strings.NewReader(expression))
	if err != nil {
		return nil, err
	}
	if n := len(result.AST.Children); n != 1 {
		return nil, fmt.Errorf("it has %d instructions", n)
	}
	node := result.AST.Children[0]
	node.StartLine, node.EndLine = line, line
	return instructions.ParseCommand(node)
}

// line is where an instruction begins.
func line(at []parser.Range) int {
	if len(at) == 0 {
		return 1
	}
	return at[0].Start.Line
}
