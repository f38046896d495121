package cli

import (
	"context"

	"github.com/drydock-ci/drydock/config"
	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/kube"
)

// examineKubernetes looks at the cluster, if jobs may run there: for all jobs,
// and for each runner with settings of its own.
func (a *app) examineKubernetes(ctx context.Context, p *parts) []finding {
	if !a.onKubernetes() {
		return nil
	}
	id, err := owner(a.config.StateDir)
	if err != nil {
		return []finding{{"kubernetes", "problem", err.Error(), ""}}
	}
	// The lock keeps others from sweeping the pod while it is looked at; what a doctor
	// that was killed leaves, the next sweep removes.
	labels := executor.Labels{Owner: id, Run: executor.RunID("doctor-" + randomID()), Job: "doctor"}
	lock, err := lockRun(a.config.StateDir, labels.Run)
	if err != nil {
		return []finding{{"kubernetes", "problem", err.Error(), ""}}
	}
	defer lock.release()
	classes := []string{""}
	if a.config.Executor != config.ExecutorKubernetes {
		classes = nil
	}
	for _, r := range a.config.Runners {
		if r.Executor == config.ExecutorKubernetes || r.Executor == config.ExecutorAuto && a.config.Executor == config.ExecutorKubernetes {
			classes = append(classes, r.Name())
		}
	}
	var findings []finding
	for _, class := range classes {
		x, err := p.kube.Class(class)
		if err != nil {
			findings = append(findings, finding{"kubernetes", "problem", err.Error(), ""})
			continue
		}
		for _, f := range x.Examine(ctx, labels) {
			findings = append(findings, kubeFinding(class, f))
		}
	}
	return findings
}

func kubeFinding(class string, f kube.Finding) finding {
	out := finding{Check: "kubernetes", State: "ok", Text: f.What + ": " + f.Text, Mend: f.Mend}
	if class != "" {
		out.Text = "runner " + class + ", " + out.Text
	}
	switch {
	case f.Bad:
		out.State = "problem"
	case f.Poor:
		out.State = "warning"
	}
	return out
}
