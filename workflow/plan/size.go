package plan

import (
	"fmt"

	"github.com/drydock-ci/drydock/workflow"
)

// maxSize is what the files of a run may take together
// (actions/runner: ParseOptions.cs, MaxResultSize).
const maxSize = 10 << 20

// size counts a called file once more and tells whether the run may still
// grow.
func (b *builder) size(at place, pos workflow.Pos, l loaded) bool {
	limit := b.MaxSize
	if limit == 0 {
		limit = maxSize
	}
	over := b.bytes > limit
	b.bytes += l.w.Size
	if b.bytes <= limit {
		return true
	}
	if !over { // the next ones would say nothing new
		b.reportCalled(at.file, pos, l.src, workflow.Diagnostics{{
			Severity: workflow.Error, Message: "Maximum object size exceeded",
			Hint: fmt.Sprintf("the limit is %d bytes for all files that a run calls", limit),
		}})
	}
	return false
}
