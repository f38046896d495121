package helper

import (
	"context"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/helper/wire"
)

var _ executor.Orphans = (*Place)(nil)

// EndOrphans ends what runs in the place without belonging to a process that
// was started and goes on.
func (p *Place) EndOrphans(ctx context.Context) ([]executor.Orphan, error) {
	r, err := p.call(ctx, "end what was left running", &wire.Request{Op: wire.Orphans})
	if err != nil {
		return nil, err
	}
	return r.Orphans, nil
}
