package config

import (
	"slices"
	"strings"
)

// Kind says how a setting's text is read.
type Kind string

// The kinds of settings. A list is given as a sequence in the file, with commas
// in the environment and by repeating the flag; a map as a mapping in the file,
// and elsewhere like a list of NAME=VALUE.
const (
	String   Kind = "string"
	Bool     Kind = "bool"
	Int      Kind = "int"
	Duration Kind = "duration" // with a unit: 90s, 1h30m
	List     Kind = "list"
	Map      Kind = "map"
	Runners  Kind = "list of runners" // in a variable as YAML too
)

// Field is one row of the table.
type Field struct {
	Key     string   // in drydock.yaml, nested at the dots
	Env     string   // DRYDOCK_ and the key
	Flag    string   // long name; empty: no flag
	Short   string   // one letter, or empty
	Aliases []string // further long names, act's
	Bare    string   // what the flag means without a value; empty: it needs one
	Kind    Kind
	Arg     string            // placeholder for the value in help texts
	Values  []string          // all that is allowed; empty: see Validate
	Also    map[string]string // other spellings of Values
	Default string            // as text; of a list or map the entries with commas
	Doc     string

	// UserOnly settings decide what a workflow may reach on this machine: the
	// project's own file may not set them (docs/adr/0003), and they have no flag,
	// because a project's .actrc holds flags.
	UserOnly bool
	// PerRunner settings may also stand in an entry of "runners", under the same
	// key, where they say otherwise for its jobs.
	PerRunner bool
	// Path settings are file names: "~/" is the home folder, and a relative one
	// starts at the file that holds it, else at the working directory.
	Path bool
	// Hidden settings hold a password: "config print" says only that they are set.
	Hidden bool

	ref func(*Config) any // *string, *bool, *int, *time.Duration, *[]string, *map[string]string or *[]Runner
}

// Fields is the table, in the order of help texts and "config print".
func Fields() []Field { return slices.Clone(fields) }

var fields = slices.Concat(engineFields, kubernetesFields, otherFields, serverFields)

var engineFields = []Field{
	{
		Key: "executor", Env: "DRYDOCK_EXECUTOR", Flag: "executor", Kind: String, Arg: "NAME",
		Values: []string{ExecutorAuto, ExecutorDocker, ExecutorHost, ExecutorKubernetes}, Default: ExecutorAuto,
		Doc: "where jobs run; auto is docker when an engine answers, else host",
		ref: func(c *Config) any { return &c.Executor },
	},
	{
		Key: "platforms", Env: "DRYDOCK_PLATFORMS", Flag: "platform", Short: "P", Kind: Map, Arg: "LABEL=IMAGE",
		Default: "ubuntu-latest=ghcr.io/catthehacker/ubuntu:act-latest,ubuntu-24.04=ghcr.io/catthehacker/ubuntu:act-24.04," +
			"ubuntu-22.04=ghcr.io/catthehacker/ubuntu:act-22.04,self-hosted=host",
		Doc: "image that stands for a runs-on label; \"host\" runs the job on this machine itself",
		ref: func(c *Config) any { return &c.Platforms },
	},
	{
		Key: "runners", Env: "DRYDOCK_RUNNERS", Kind: Runners, Arg: "YAML", UserOnly: true,
		Doc: "what stands for the labels of runs-on, with more to say than an image: see below",
		ref: func(c *Config) any { return &c.Runners },
	},
	{
		Key: "offline", Env: "DRYDOCK_OFFLINE", Flag: "offline", Aliases: []string{"action-offline-mode"}, Bare: "true",
		Kind: Bool, Default: "false",
		Doc: "never touch the network: what is missing is listed before the first step",
		ref: func(c *Config) any { return &c.Offline },
	},
	{
		Key: "pull", Env: "DRYDOCK_PULL", Flag: "pull", Short: "p", Bare: PullAlways, Kind: String, Arg: "WHEN",
		Values: []string{PullAlways, PullMissing, PullNever}, Also: map[string]string{"true": PullAlways, "false": PullMissing},
		Default: PullMissing,
		Doc:     "when to pull images; true is always, false is missing; offline is never",
		ref:     func(c *Config) any { return &c.Pull },
	},
	{
		Key: "max_parallel", Env: "DRYDOCK_MAX_PARALLEL", Flag: "max-parallel", Aliases: []string{"concurrent-jobs"},
		Kind: Int, Arg: "N", Default: "0",
		Doc: "jobs that run at the same time; 0 is twice the number of CPUs, at least 8",
		ref: func(c *Config) any { return &c.MaxParallel },
	},
	{
		Key: "network.ca", Env: "DRYDOCK_NETWORK_CA", Kind: String, Arg: "auto|off|FILE", Default: CAAuto, UserOnly: true, Path: true,
		Doc: "certificate bundle that jobs trust: auto hands them this machine's own, off nothing, FILE that one",
		ref: func(c *Config) any { return &c.Network.CA },
	},
	{
		Key: "docker.host", Env: "DRYDOCK_DOCKER_HOST", Kind: String, Arg: "URL", UserOnly: true,
		Doc: "engine to use, as in DOCKER_HOST; empty is DOCKER_HOST, else the usual sockets",
		ref: func(c *Config) any { return &c.Docker.Host },
	},
	{
		Key: "docker.allow_socket", Env: "DRYDOCK_DOCKER_ALLOW_SOCKET", Kind: Bool, Default: "false", UserOnly: true,
		Doc: "let jobs reach the engine's socket: whoever reaches it owns this machine",
		ref: func(c *Config) any { return &c.Docker.AllowSocket },
	},
	{
		Key: "docker.allow_privileged", Env: "DRYDOCK_DOCKER_ALLOW_PRIVILEGED", Kind: Bool, Default: "false", UserOnly: true,
		Doc: "let workflows ask for privileged containers and added capabilities",
		ref: func(c *Config) any { return &c.Docker.AllowPrivileged },
	},
	{
		Key: "docker.allow_mounts", Env: "DRYDOCK_DOCKER_ALLOW_MOUNTS", Kind: List, Arg: "FOLDER,...", UserOnly: true, Path: true,
		Doc: "folders of this machine that workflows may mount, with all below them",
		ref: func(c *Config) any { return &c.Docker.AllowMounts },
	},
	{
		Key: "docker.allow_devices", Env: "DRYDOCK_DOCKER_ALLOW_DEVICES", Kind: List, Arg: "DEVICE,...", UserOnly: true, Path: true,
		Doc: "devices of this machine that workflows may use, such as /dev/kvm",
		ref: func(c *Config) any { return &c.Docker.AllowDevices },
	},
	{
		Key: "docker.allow_host_namespaces", Env: "DRYDOCK_DOCKER_ALLOW_HOST_NAMESPACES", Kind: Bool, Default: "false", UserOnly: true,
		Doc: "let workflows ask for this machine's pid, network, ipc and user namespaces",
		ref: func(c *Config) any { return &c.Docker.AllowHostNamespaces },
	},
}

var otherFields = []Field{
	{
		Key: "cache_dir", Env: "DRYDOCK_CACHE_DIR", Kind: String, Arg: "FOLDER", Default: "$XDG_CACHE_HOME/drydock", UserOnly: true, Path: true,
		Doc: "folder for what can be made again: actions, node, tools, caches of jobs",
		ref: func(c *Config) any { return &c.CacheDir },
	},
	{
		Key: "state_dir", Env: "DRYDOCK_STATE_DIR", Kind: String, Arg: "FOLDER", Default: "$XDG_STATE_HOME/drydock", UserOnly: true, Path: true,
		Doc: "folder for what is kept: runs, logs, artifacts",
		ref: func(c *Config) any { return &c.StateDir },
	},
	{
		Key: "node.source", Env: "DRYDOCK_NODE_SOURCE", Kind: String, Arg: "FOLDER|URL", UserOnly: true, Path: true,
		Doc: "where the node for JavaScript actions comes from: a folder, or a URL with {version}, {arch} and {libc}",
		ref: func(c *Config) any { return &c.Node.Source },
	},
	{
		Key: "node.use_host", Env: "DRYDOCK_NODE_USE_HOST", Kind: String, Arg: "WHEN", Values: []string{NodeAuto, NodeOff}, Default: NodeAuto,
		Doc: "auto hands this machine's own node to jobs when it fits and no other is at hand; off never does",
		ref: func(c *Config) any { return &c.Node.UseHost },
	},
	{
		Key: "github.server_url", Env: "DRYDOCK_GITHUB_SERVER_URL", Kind: String, Arg: "URL", Default: "https://github.com", UserOnly: true,
		Doc: "the GitHub server that actions come from",
		ref: func(c *Config) any { return &c.GitHub.ServerURL },
	},
	{
		Key: "github.api_url", Env: "DRYDOCK_GITHUB_API_URL", Kind: String, Arg: "URL", Default: "https://api.github.com", UserOnly: true,
		Doc: "the API of that server",
		ref: func(c *Config) any { return &c.GitHub.APIURL },
	},
	{
		Key: "history.keep_runs", Env: "DRYDOCK_HISTORY_KEEP_RUNS", Kind: Int, Arg: "N", Default: "50", UserOnly: true,
		Doc: "runs whose record is kept, the newest; 0 is no limit",
		ref: func(c *Config) any { return &c.History.KeepRuns },
	},
	{
		Key: "history.keep_for", Env: "DRYDOCK_HISTORY_KEEP_FOR", Kind: Duration, Arg: "TIME", Default: "720h", UserOnly: true,
		Doc: "how long the record of a run is kept; 0s is no limit",
		ref: func(c *Config) any { return &c.History.KeepFor },
	},
	{
		Key: "history.keep_size", Env: "DRYDOCK_HISTORY_KEEP_SIZE", Kind: String, Arg: "SIZE", Default: "5GB", UserOnly: true,
		Doc: "how much the records of all runs may take, artifacts too; 0 is no limit",
		ref: func(c *Config) any { return &c.History.KeepSize },
	},
	{
		Key: "resume.within", Env: "DRYDOCK_RESUME_WITHIN", Kind: Duration, Arg: "TIME", Default: "10m", UserOnly: true,
		Doc: "how long the places of a run that was killed live on, so that \"drydock resume\" can go on with it; 0s is not at all",
		ref: func(c *Config) any { return &c.Resume.Within },
	},
	{
		Key: "requeue", Env: "DRYDOCK_REQUEUE", Kind: String, Arg: "WHICH", Values: []string{RequeueNever, RequeueSafe, RequeueAlways}, Default: RequeueSafe, UserOnly: true,
		Doc: "which jobs are run again, whole and once, when their place was taken away (evicted, deleted, its machine lost); " +
			"safe leaves out those that had begun and name an environment or ask for a permission to write",
		ref: func(c *Config) any { return &c.Requeue },
	},
	{
		Key: "cache.path", Env: "DRYDOCK_CACHE_PATH", Kind: String, Arg: "FOLDER", UserOnly: true, Path: true,
		Doc: "folder for the caches of jobs; empty is \"caches\" below cache_dir",
		ref: func(c *Config) any { return &c.Cache.Path },
	},
	{
		Key: "cache.max_size", Env: "DRYDOCK_CACHE_MAX_SIZE", Kind: String, Arg: "SIZE", Default: "10GB", UserOnly: true,
		Doc: "how much the caches of a repository may take: those not used for the longest time go first; 0 is no limit",
		ref: func(c *Config) any { return &c.Cache.MaxSize },
	},
	{
		Key: "cache.max_age", Env: "DRYDOCK_CACHE_MAX_AGE", Kind: Duration, Arg: "TIME", Default: "168h", UserOnly: true,
		Doc: "how long a cache that no job uses is kept; 0s is no limit",
		ref: func(c *Config) any { return &c.Cache.MaxAge },
	},
	{
		Key: "artifacts.retention", Env: "DRYDOCK_ARTIFACTS_RETENTION", Kind: Duration, Arg: "TIME", Default: "2160h", UserOnly: true,
		Doc: "how long an artifact is kept at most",
		ref: func(c *Config) any { return &c.Artifacts.Retention },
	},
	{
		Key: "services.run_steps", Env: "DRYDOCK_SERVICES_RUN_STEPS", Kind: Bool, Default: "false", UserOnly: true,
		Doc: "tell run: steps too of the services for caches and artifacts, which GitHub does not; for docker build --cache-to type=gha",
		ref: func(c *Config) any { return &c.Services.RunSteps },
	},
	{
		Key: "log.level", Env: "DRYDOCK_LOG_LEVEL", Flag: "log-level", Kind: String, Arg: "LEVEL",
		Values: []string{"off", "debug", "info", "warn", "error"}, Default: "off",
		Doc: "drydock's own log on standard error, not that of jobs",
		ref: func(c *Config) any { return &c.Log.Level },
	},
	{
		Key: "check.waive", Env: "DRYDOCK_CHECK_WAIVE", Kind: List, Arg: "FEATURE,...",
		Doc: "ignored features that the workflows can do without: neither errors of check nor told by run",
		ref: func(c *Config) any { return &c.Check.Waive },
	},
}

// fieldOf finds a row by its key.
func fieldOf(key string) (Field, bool) {
	i := slices.IndexFunc(fields, func(f Field) bool { return f.Key == key })
	if i < 0 {
		return Field{}, false
	}
	return fields[i], true
}

// envOf is the variable that belongs to a key.
func envOf(key string) string {
	return "DRYDOCK_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}
