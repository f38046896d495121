package config

import (
	"strings"
	"time"
)

// Config is every setting, resolved. Each field has a row in the table (Fields),
// which is where its meaning is written.
type Config struct {
	Executor    string            // one of the Executor constants
	Platforms   map[string]string // runs-on label, in lower case, to image or PlatformHost
	Runners     []Runner          // before Platforms, in this order
	Offline     bool
	Pull        string // one of the Pull constants
	MaxParallel int    // 0: twice the number of CPUs, at least 8
	CacheDir    string // absolute
	StateDir    string // absolute
	Network     Network
	Docker      Docker
	Kubernetes  Kubernetes
	Node        Node
	GitHub      GitHub
	Log         Log
	History     History
	Resume      Resume
	Requeue     string // one of the Requeue constants
	Cache       Cache
	Artifacts   Artifacts
	Services    Services
	Check       Check
	Server      Server
	App         App
	Vault       Vault
	DatabaseURL string // empty: a file below StateDir; it holds a password

	origins map[string]Origin // by key; of a map's entry by key + "." + entry
}

// Network is what jobs see of the network.
type Network struct {
	CA string // CAAuto, CAOff, or an absolute path
}

// Docker is the engine to use and what a workflow may ask of it.
type Docker struct {
	Host                string // empty: DOCKER_HOST, else the usual sockets
	AllowSocket         bool
	AllowPrivileged     bool
	AllowMounts         []string // absolute host paths; each allows what lies below it too
	AllowDevices        []string // absolute device paths
	AllowHostNamespaces bool
}

// Kubernetes is the cluster to use and what pods are like.
type Kubernetes struct {
	Kubeconfig  string // absolute; empty: as kubectl finds it
	Context     string // empty: the file's current one
	Namespace   string // empty: the context's
	HelperImage string // empty: drydock's own
	Externals   string // empty: the helper image has no node
	Wait        time.Duration
	PullWait    time.Duration

	Builder       string // address of a buildkitd; empty: no Dockerfile actions
	BuilderCerts  string // absolute folder with ca.pem, cert.pem, key.pem; empty: no TLS
	BuilderPlain  bool
	Registry      string // where images of Dockerfile actions go; set when Builder is
	RegistryNodes string // the same as nodes write it; empty: Registry
	RegistryPlain bool

	Restricted      bool
	AllowEscalation bool
	ServiceAccount  string
	RuntimeClass    string
	PriorityClass   string
	NodeSelector    map[string]string
	Tolerations     []string // KEY[=VALUE][:EFFECT]; see Toleration
	Requests        map[string]string
	Limits          map[string]string
	Labels          map[string]string
	Annotations     map[string]string
	PullSecrets     []string
}

// Runner is what stands for labels of runs-on.
type Runner struct {
	Labels     []string // in lower case; a job is placed here when all its labels are among them
	Group      string   // a job that names a group is placed only where it is this one; empty: any group
	Executor   string   // one of the Executor constants; ExecutorAuto: as Config.Executor says
	Image      string   // empty on the host only
	Arch       string   // GOARCH of the place; empty: any
	Kubernetes Kubernetes

	said   map[string]value // what the entry says of Kubernetes, by key
	origin Origin
}

// Name tells a runner apart from all others.
func (r Runner) Name() string {
	name := strings.Join(r.Labels, ",")
	if r.Group != "" {
		name += "@" + r.Group
	}
	return name
}

// Node is where the node for JavaScript actions comes from.
type Node struct {
	Source  string // absolute folder or URL template; empty: none
	UseHost string // NodeAuto or NodeOff
}

// GitHub is the server that actions are fetched from.
type GitHub struct {
	ServerURL string // without a slash at the end
	APIURL    string // without a slash at the end
}

// Check is what "drydock check" lets pass.
type Check struct {
	Waive []string // ids of features
}

// Log is drydock's own log, not that of jobs.
type Log struct {
	Level string // off, debug, info, warn or error
}

// Cache is where the caches of jobs are and how much of them stays.
type Cache struct {
	Path    string        // absolute; empty: "caches" below CacheDir
	MaxSize string        // see Size; of one repository; zero is no limit
	MaxAge  time.Duration // since the last use; zero is no limit
}

// Artifacts is how long those of a run stay.
type Artifacts struct {
	Retention time.Duration // at most, whatever the workflow asks for
}

// Services are the services for caches, artifacts and ID tokens.
type Services struct {
	RunSteps bool // run: steps are told of them too
}

// History is how much of past runs stays. Zero is no limit.
type History struct {
	KeepRuns int
	KeepFor  time.Duration
	KeepSize string // "5GB"; see Size
}

// Resume is what becomes of a run whose program was killed.
type Resume struct {
	Within time.Duration // that its places live on; 0: not
}

// Values of Config.Executor.
const (
	ExecutorAuto       = "auto" // docker when an engine answers, else host
	ExecutorDocker     = "docker"
	ExecutorHost       = "host"
	ExecutorKubernetes = "kubernetes"
)

// Values of Config.Requeue.
const (
	RequeueNever  = "never"
	RequeueSafe   = "safe"
	RequeueAlways = "always"
)

// PlatformHost in place of an image runs the job on this machine itself.
const PlatformHost = "host"

// Values of Config.Pull.
const (
	PullAlways  = "always"
	PullMissing = "missing"
	PullNever   = "never"
)

// Values of Network.CA that are no file.
const (
	CAAuto = "auto"
	CAOff  = "off"
)

// Values of Node.UseHost.
const (
	NodeAuto = "auto"
	NodeOff  = "off"
)
