package kube

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/executor"
)

// DefaultHelperImage is the repository of the image that brings the helper; its
// tag is the version of drydock.
const DefaultHelperImage = "ghcr.io/drydock-ci/drydock-helper"

// Options configure the back end. Only HelperImage is needed.
type Options struct {
	// Kubeconfig is the file that says how to reach the cluster. Empty: as
	// kubectl finds it, then the service account of the pod that drydock is in.
	Kubeconfig string
	// Context of the file; empty: its current one.
	Context string
	// Namespace of the pods; empty: the context's, else "default".
	Namespace string

	// HelperImage holds the helper as /drydock-helper. An init container copies
	// it from there.
	HelperImage string
	// Externals is the folder of HelperImage with node builds, laid out as
	// drydock's own cache of them. Empty: there is none, and node is copied in
	// when a step needs it.
	Externals string

	// Pod is the operator's part of the pods: nothing of it can come from a
	// workflow.
	Pod Pod
	// Classes are what is set instead for the places of a Spec.Class.
	Classes map[string]Class

	// Wait is how long a pod may take to start, whatever the reason. 0: 15 min.
	Wait time.Duration
	// PullWait is how long pulls may fail before the job does. 0: 2 min.
	PullWait time.Duration
	// Redial is how long a broken stream is dialled again. 0: as long as the
	// place outlives it, and a minute at least.
	Redial time.Duration
	// Linger is how long, in seconds, a place outlives the program that made
	// it when its Spec says nothing. 0: 60.
	Linger int

	// CACert is a bundle of certificates that jobs shall trust beside those of
	// their image. Empty: none.
	CACert []byte
	// Proxy are variables that a job needs to reach the network, such as
	// https_proxy.
	Proxy map[string]string

	// ImageConfig tells the entrypoint and the command of an image, which
	// Kubernetes does not. May be nil: docker actions then need `entrypoint`.
	ImageConfig func(context.Context, executor.Image) (entrypoint, cmd []string, err error)

	// Builder builds the images of Dockerfile actions, for nodes to pull. Nil: such
	// actions fail, and say what is missing.
	Builder executor.Builder

	Log *slog.Logger
}

// Pod is what the operator decides about a job's pod.
type Pod struct {
	// Restricted keeps to the Pod Security level "restricted": no container may
	// be root, or have any capability. Else it is "baseline".
	Restricted bool
	// AllowEscalation lets set-user-id programs such as sudo work. The level
	// "baseline" has nothing against it.
	AllowEscalation bool

	ServiceAccount string // its token is never mounted
	NodeSelector   map[string]string
	Tolerations    []Toleration
	RuntimeClass   string
	PriorityClass  string
	// Requests and Limits of the job's container, as Kubernetes writes them.
	// A workflow's options may stay below the limits.
	Requests, Limits    map[string]string
	Labels, Annotations map[string]string
	PullSecrets         []string // names of Secrets in the namespace
}

// Toleration lets pods on nodes with a taint.
type Toleration struct {
	Key, Operator, Value, Effect string
}

// Executor makes places in one namespace.
type Executor struct {
	opts      Options
	namespace string // of its class; empty: that of opts
	log       *slog.Logger

	mu    *sync.Mutex
	found **client // nil until a configuration was read
}

var _ executor.Executor = (*Executor)(nil)

// New makes the back end. It connects when it is first used.
func New(o Options) (*Executor, error) {
	if o.HelperImage == "" {
		return nil, executor.Errorf("set up Kubernetes", executor.Invalid, "no image for the helper is named")
	}
	if _, err := quantities(o.Pod.Requests); err != nil {
		return nil, executor.Errorf("set up Kubernetes", executor.Invalid, "requests: %w", err)
	}
	if _, err := quantities(o.Pod.Limits); err != nil {
		return nil, executor.Errorf("set up Kubernetes", executor.Invalid, "limits: %w", err)
	}
	if err := checkClasses(o.Classes); err != nil {
		return nil, err
	}
	if o.Wait <= 0 {
		o.Wait = 15 * time.Minute
	}
	if o.PullWait <= 0 {
		o.PullWait = 2 * time.Minute
	}
	if o.Linger <= 0 {
		o.Linger = 60
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Executor{opts: o, log: o.Log, mu: &sync.Mutex{}, found: new(*client)}, nil
}

// Name is "kubernetes".
func (x *Executor) Name() string { return "kubernetes" }

// connection reads the configuration the first time. It asks nobody.
func (x *Executor) connection() (*client, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if *x.found != nil {
		return (*x.found).in(x.namespace), nil
	}
	c, err := connect(x.opts)
	if err != nil {
		return nil, err
	}
	*x.found = c
	return c.in(x.namespace), nil
}
