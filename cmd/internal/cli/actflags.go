package cli

import (
	"fmt"
	"regexp"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// actFlag is a flag that act has and Drydock does not need, or not yet. It is
// accepted so that an .actrc goes on working (nektos/act v0.2.89, cmd/root.go).
type actFlag struct {
	name, short string
	arg         string // placeholder of the value; empty: a switch
	on          bool   // a switch that act has on
	what        string // for help: what it comes to here
	note        string // said when it is given: what is different
	refuse      string // said when it is given: the run does not start
}

var actFlags = []actFlag{
	{name: "rm", what: "nothing is ever left behind"},
	{name: "use-new-action-cache", what: "there is one store of actions"},
	{name: "action-cache-path", arg: "FOLDER", what: "actions are kept below cache_dir"},
	{name: "rebuild", on: true, what: "images of docker actions follow their content"},
	{name: "no-recurse", what: "folders below the workflows' are not read"},
	{name: "log-prefix-job-id", what: "lines carry the job's name"},
	{name: "strict", what: "workflows are always checked by GitHub's rules"},
	{
		name: "use-gitignore", on: true, what: "files that git ignores are never copied",
		note: "--use-gitignore: files that git ignores are never copied into jobs",
	},
	{name: "insecure-secrets", what: "secrets are masked all the same", note: "--insecure-secrets: secrets are masked all the same"},
	{name: "remote-name", arg: "NAME", what: "the remote is found: the branch's, else origin"},
	{name: "replace-ghe-action-with-github-com", arg: "ACTION", what: "see --local-repository", note: "--replace-ghe-action-with-github-com has no effect: use --local-repository"},
	{name: "replace-ghe-action-token-with-github-com", arg: "TOKEN", what: "see --local-repository"},
	{name: "artifact-server-addr", arg: "ADDRESS", what: "jobs reach the services inside their own place"},
	{name: "artifact-server-port", arg: "PORT", what: "likewise"},
	{name: "cache-server-addr", arg: "ADDRESS", what: "likewise"},
	{name: "cache-server-port", arg: "PORT", what: "likewise"},
	{name: "cache-server-external-url", arg: "URL", what: "likewise", note: "--cache-server-external-url has no effect: jobs use the caches of this machine"},
	{
		name: "bind", short: "b", what: "not supported yet",
		refuse: "--bind is not supported yet: jobs get a copy of the working copy: leave it out",
	},
	{
		name: "reuse", short: "r", what: "not supported yet",
		refuse: "--reuse is not supported yet: every job gets a fresh place: leave it out",
	},
	{
		name: "network", arg: "NAME", what: "refused: every job has its own",
		refuse: "--network is not supported: a job reaches its services by name and the outside through its own network: leave it out, " +
			"or run the job on this machine with -P LABEL=host",
	},
	{name: "bug-report", what: "see drydock doctor", refuse: "--bug-report: use \"drydock doctor\""},
	{name: "man-page", what: "see drydock help", refuse: "--man-page: use \"drydock help\""},
	{name: "validate", what: "see drydock check", refuse: "--validate: use \"drydock check\""},
	{name: "list-options", what: "see drydock run --help", refuse: "--list-options: use \"drydock run --help\""},
}

// actOptions are flags of act that have a meaning here.
type actOptions struct {
	architecture   string // os/arch
	daemonSocket   string
	defaultBranch  string
	instance       string
	userns         string
	capAdd, capOff []string
	privileged     bool
	detectEvent    bool
	noSkipCheckout bool

	artifactServerPath, cacheServerPath string
	noCacheServer                       bool
}

// meanings of the flags in actOptions, for help.
var actMeanings = [][2]string{
	{"container-architecture OS/ARCH", "platform of job containers: --container-options \"--platform OS/ARCH\""},
	{"container-daemon-socket URL", "\"-\" gives jobs no socket, as ever; another needs docker.allow_socket in your own drydock.yaml"},
	{"container-cap-add CAP", "needs docker.allow_privileged in your own drydock.yaml"},
	{"container-cap-drop CAP", "takes a capability from job containers"},
	{"privileged", "needs docker.allow_privileged in your own drydock.yaml"},
	{"userns MODE", "needs docker.allow_host_namespaces in your own drydock.yaml"},
	{"defaultbranch NAME", "default branch of the repository under test"},
	{"detect-event", "use the first event that the workflows listen to"},
	{"github-instance HOST", "sets github.server_url and github.api_url"},
	{"artifact-server-path FOLDER", "keep artifacts below this folder instead of state_dir"},
	{"cache-server-path FOLDER", "keep the caches of jobs below this folder instead of in cache.path"},
	{"no-cache-server", "jobs find no caches and save none"},
	{"no-skip-checkout", "clone in actions/checkout instead of copying the working copy"},
}

func (o *actOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.architecture, "container-architecture", "", "")
	f.StringVar(&o.daemonSocket, "container-daemon-socket", "", "")
	f.StringArrayVar(&o.capAdd, "container-cap-add", nil, "")
	f.StringArrayVar(&o.capOff, "container-cap-drop", nil, "")
	f.BoolVar(&o.privileged, "privileged", false, "")
	f.StringVar(&o.userns, "userns", "", "")
	f.StringVar(&o.defaultBranch, "defaultbranch", "", "")
	f.BoolVar(&o.detectEvent, "detect-event", false, "")
	f.StringVar(&o.instance, "github-instance", "", "")
	f.StringVar(&o.artifactServerPath, "artifact-server-path", "", "")
	f.StringVar(&o.cacheServerPath, "cache-server-path", "", "")
	f.BoolVar(&o.noCacheServer, "no-cache-server", false, "")
	f.BoolVar(&o.noSkipCheckout, "no-skip-checkout", false, "")
	for _, m := range actMeanings {
		name, _, _ := strings.Cut(m[0], " ")
		_ = f.MarkHidden(name)
	}
	for _, a := range actFlags {
		if a.arg != "" {
			f.StringArrayP(a.name, a.short, nil, "")
		} else {
			f.BoolP(a.name, a.short, a.on, "")
		}
		_ = f.MarkHidden(a.name)
	}
}

// actHelp is the end of `drydock run --help`.
func actHelp() string {
	var b strings.Builder
	b.WriteString("\nAccepted for act's users:\n")
	t := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	for _, m := range actMeanings {
		fmt.Fprintf(t, "      --%s\t%s\n", m[0], m[1])
	}
	for _, a := range actFlags {
		name := "      --" + a.name
		if a.short != "" {
			name = "  -" + a.short + ", --" + a.name
		}
		if a.arg != "" {
			name += " " + a.arg
		}
		fmt.Fprintf(t, "%s\t%s\n", name, a.what)
	}
	_ = t.Flush()
	return b.String()
}

// obeyAct looks at the flags that were given: what is refused, what is
// different, and what they mean for the containers.
func (a *app) obeyAct(cmd *cobra.Command, o *runOptions) error {
	said := map[string]bool{}
	for _, f := range actFlags {
		given := cmd.Flags().Lookup(f.name)
		if !given.Changed || f.arg == "" && given.Value.String() == fmt.Sprint(f.on) {
			continue
		}
		if f.refuse != "" {
			return usage("%s", f.refuse)
		}
		if f.note != "" && !said[f.note] {
			said[f.note] = true
			fmt.Fprintln(a.stderr, "drydock: "+f.note)
		}
	}
	if s := o.daemonSocket; s != "" && s != "-" && !a.config.Docker.AllowSocket {
		return usage("--container-daemon-socket %q: whoever reaches the engine's socket owns this machine: "+
			"set docker.allow_socket: true in your own drydock.yaml to give it to jobs, or use \"-\"", s)
	}
	if o.instance != "" && !hostName.MatchString(o.instance) {
		return usage("--github-instance %q: it must be a host name, as in github.example.com", o.instance)
	}
	return o.containers()
}

var (
	platformName = regexp.MustCompile(`^[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?$`)
	plainWord    = regexp.MustCompile(`^[A-Za-z0-9_:.-]+$`)
	hostName     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]+)?$`)
)

// containers puts act's flags for containers into the container options,
// which the policy judges.
func (o *runOptions) containers() error {
	var words []string
	if o.architecture != "" {
		if !platformName.MatchString(o.architecture) {
			return usage("--container-architecture %q: it must be a platform such as linux/amd64", o.architecture)
		}
		words = append(words, "--platform "+o.architecture)
	}
	if o.privileged {
		words = append(words, "--privileged")
	}
	for flag, values := range map[string][]string{"cap-add": o.capAdd, "cap-drop": o.capOff, "userns": {o.userns}} {
		for _, v := range values {
			if v == "" {
				continue
			}
			if !plainWord.MatchString(v) {
				return usage("--container-%s %q: it must be one word", flag, v)
			}
			words = append(words, "--"+flag+" "+v)
		}
	}
	if len(words) > 0 {
		o.containerOptions = strings.TrimSpace(strings.Join(words, " ") + " " + o.containerOptions)
	}
	return nil
}

// instanceEnv is what --github-instance means for the configuration, which
// has no flag for it: programs come from there (docs/adr/0003).
func instanceEnv(flags *pflag.FlagSet) []string {
	f := flags.Lookup("github-instance")
	if f == nil || !f.Changed || !hostName.MatchString(f.Value.String()) || f.Value.String() == "github.com" {
		return nil
	}
	server := "https://" + f.Value.String()
	return []string{"DRYDOCK_GITHUB_SERVER_URL=" + server, "DRYDOCK_GITHUB_API_URL=" + server + "/api/v3"}
}

// openers are flags by which a project's .actrc would open the machine to
// workflows (docs/adr/0003).
var openers = []string{"privileged", "container-cap-add", "userns", "container-daemon-socket", "github-instance"}
