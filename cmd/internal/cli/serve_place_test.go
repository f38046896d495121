package cli

import (
	"slices"
	"testing"

	"github.com/drydock-ci/drydock/config"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// TestServerPlaceOffers: what a runner is known by does not depend on which of its
// labels a job asks for.
func TestServerPlaceOffers(t *testing.T) {
	runners := []config.Runner{{Labels: []string{"linux", "deploy"}, Group: "big", Image: "img", Executor: config.ExecutorDocker}}
	p := &serverPlacer{placer{config: &config.Config{Runners: runners, Executor: config.ExecutorAuto}, docker: func() error { return nil }}}
	for _, c := range []struct {
		labels []string
		group  string
	}{{labels: []string{"linux"}}, {labels: []string{"Deploy"}}, {group: "BIG"}} {
		place, err := p.place(&plan.Leg{Job: &plan.Job{}}, c.labels, c.group)
		if err != nil || !slices.Equal(place.Offers, []string{"linux", "deploy", "big"}) {
			t.Errorf("%v, group %q: %+v, %v", c.labels, c.group, place, err)
		}
	}
}
