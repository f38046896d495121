package cli

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/drydock-ci/drydock/config"
	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/helper"
	"github.com/drydock-ci/drydock/runner/history"
)

// finding is one line of the doctor's report.
type finding struct {
	Check string `json:"check"`
	State string `json:"state"` // ok, warning, problem
	Text  string `json:"text"`
	Mend  string `json:"mend,omitempty"`
}

func (a *app) doctorCommand() *cobra.Command {
	var fix, asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what works on this machine, what does not, and how to mend it",
		Long: `Doctor examines git, the Docker engine, images, node builds, certificates and folders, and where
jobs may run in Kubernetes (--executor kubernetes) access, rights, quota and security there; of a
GitHub App its key, permissions, events, webhook and this machine's clock. With
--fix it also removes whatever a killed run left behind: containers, networks, volumes,
pods, processes and folders. Exit code 4: something that every run needs does not work.`,
		Example: "  drydock doctor\n  drydock doctor --fix",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.assemble(nil)
			if err != nil {
				return err
			}
			findings := a.examine(cmd.Context(), p, fix)
			if asJSON {
				err = printJSON(a.stdout, map[string]any{"findings": findings})
			} else {
				a.printFindings(findings)
			}
			if err != nil {
				return err
			}
			for _, f := range findings {
				if f.State == "problem" {
					return &exitError{exitInfrastructure, nil}
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&fix, "fix", false, "remove what killed runs left behind")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func (a *app) printFindings(findings []finding) {
	for _, f := range findings {
		fmt.Fprintf(a.stdout, "%-8s %-14s %s\n", f.State, f.Check, f.Text)
		if f.Mend != "" {
			fmt.Fprintf(a.stdout, "%-8s %-14s → %s\n", "", "", f.Mend)
		}
	}
}

// examine makes every check.
func (a *app) examine(ctx context.Context, p *parts, fix bool) []finding {
	findings := []finding{a.examineGit(ctx)}
	findings = append(findings, a.examineDocker(ctx, p)...)
	findings = append(findings, a.examineKubernetes(ctx, p)...)
	findings = append(findings, a.examineHelper(), a.examineHost(ctx, p))
	findings = append(findings, a.examineNode(ctx, p)...)
	findings = append(findings, a.examineCertificates(), a.examineFolders())
	findings = append(findings, a.examineApp(ctx)...)
	if fix {
		findings = append(findings, a.examineRemains(ctx, p)...)
	}
	return findings
}

func (a *app) examineGit(ctx context.Context) finding {
	out, err := exec.CommandContext(ctx, "git", "--version").Output()
	if err != nil {
		return finding{"git", "problem", "the git program is not found", "install git; it tells Drydock about your repository and fetches actions"}
	}
	return finding{Check: "git", State: "ok", Text: strings.TrimSpace(strings.TrimPrefix(string(out), "git version "))}
}

func (a *app) examineDocker(ctx context.Context, p *parts) []finding {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	caps, err := p.docker.Probe(ctx)
	if err != nil {
		return []finding{{"docker", "warning", err.Error(), "start an engine (Docker or Podman), set docker.host, or run jobs on this machine with -P ubuntu-latest=host"}}
	}
	text := fmt.Sprintf("engine %s (%s/%s)", caps.Version, caps.OS, caps.Arch)
	if caps.Remote {
		text += ", remote"
	}
	if len(caps.Notes) > 0 {
		text += "; " + strings.Join(caps.Notes, "; ")
	}
	findings := []finding{{Check: "docker", State: "ok", Text: text}}
	for _, label := range sortedKeys(a.config.Platforms) {
		image := a.config.Platforms[label]
		if image == config.PlatformHost {
			continue
		}
		f := finding{Check: "image", State: "ok", Text: fmt.Sprintf("%s → %s", label, image)}
		if has, err := p.docker.HasImage(ctx, executor.Image{Ref: image}); err != nil || !has {
			f.State, f.Text = "warning", f.Text+" is not on this machine"
			f.Mend = "it is pulled at the first run; offline, map the label to an image that is there: -P " + label + "=IMAGE"
		}
		findings = append(findings, f)
	}
	return findings
}

func (a *app) examineHelper() finding {
	name, err := helper.Program(runtime.GOARCH, a.config.CacheDir)
	if err != nil {
		return finding{"helper", "problem", err.Error(), ""}
	}
	return finding{Check: "helper", State: "ok", Text: name}
}

func (a *app) examineHost(ctx context.Context, p *parts) finding {
	if _, err := p.host.Probe(ctx); err != nil {
		return finding{Check: "host", State: "warning", Text: err.Error()}
	}
	return finding{Check: "host", State: "ok", Text: "jobs can run on this machine (" + runtime.GOOS + "/" + runtime.GOARCH + ")"}
}

func (a *app) examineNode(ctx context.Context, p *parts) []finding {
	var findings []finding
	for _, version := range []string{"20", "24"} {
		b, err := p.nodes.Ensure(ctx, version, "linux", runtime.GOARCH, "glibc")
		if err != nil {
			findings = append(findings, finding{"node" + version, "warning", err.Error(), ""})
			continue
		}
		text := b.Version + " for glibc"
		if b.Note != "" {
			text += "; " + b.Note
		}
		findings = append(findings, finding{Check: "node" + version, State: "ok", Text: text})
	}
	return findings
}

func (a *app) examineCertificates() finding {
	data, err := caBundle(a.config.Network.CA, a.lookup)
	switch {
	case err != nil:
		return finding{"certificates", "problem", err.Error(), ""}
	case a.config.Network.CA == config.CAOff:
		return finding{Check: "certificates", State: "ok", Text: "network.ca is off: jobs use their image's own"}
	case data == nil:
		return finding{"certificates", "warning", "no certificate bundle found on this machine", "set network.ca to a PEM file"}
	}
	return finding{Check: "certificates", State: "ok", Text: fmt.Sprintf("jobs trust this machine's %d certificates", strings.Count(string(data), "-----BEGIN CERTIFICATE-----"))}
}

func (a *app) examineFolders() finding {
	for _, dir := range []string{a.config.CacheDir, a.config.StateDir} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return finding{"folders", "problem", err.Error(), "set cache_dir and state_dir to folders that can be written"}
		}
		probe := filepath.Join(dir, ".doctor-"+randomID())
		if err := os.WriteFile(probe, nil, 0o600); err != nil {
			return finding{"folders", "problem", err.Error(), "set cache_dir and state_dir to folders that can be written"}
		}
		_ = os.Remove(probe)
	}
	return finding{Check: "folders", State: "ok", Text: "cache " + a.config.CacheDir + ", state " + a.config.StateDir}
}

// examineRemains removes what killed runs left.
func (a *app) examineRemains(ctx context.Context, p *parts) []finding {
	a.giveUp(a.resumable(func(*history.Run) bool { return true })...)
	removed, err := a.sweep(ctx, p)
	var findings []finding
	for _, r := range removed {
		findings = append(findings, finding{Check: "removed", State: "ok", Text: r})
	}
	if err != nil && !executor.IsKind(err, executor.Unavailable) {
		findings = append(findings, finding{"remains", "warning", err.Error(), "run drydock doctor --fix again"})
	} else if len(removed) == 0 {
		findings = append(findings, finding{Check: "remains", State: "ok", Text: "nothing was left behind"})
	}
	return findings
}
