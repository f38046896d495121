package runner

import (
	"sync"

	"github.com/drydock-ci/drydock/runner/command"
)

// maxAnnotations is how many annotations of a level a step can make; further
// ones are lines of the log only (actions/runner: ExecutionContext.cs).
const maxAnnotations = 10

// annotationCount counts the annotations of each step of a job; the steps of
// a composite action count for the step that uses it.
type annotationCount struct {
	mu sync.Mutex
	of map[countedLevel]int
}

type countedLevel struct {
	step  int
	level command.Level
}

// more tells whether a step may make one more, and counts it.
func (c *annotationCount) more(step int, level command.Level) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[countedLevel]int{}
	}
	key := countedLevel{step, level}
	c.of[key]++
	return c.of[key] <= maxAnnotations
}
