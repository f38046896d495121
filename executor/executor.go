package executor

import (
	"context"
	"io"
	"net"
)

// OwnerID names the installation that created a resource; one machine and
// user is one owner.
type OwnerID string

// RunID names the run that a resource belongs to.
type RunID string

// EnvironmentID names an environment so that it can be attached to again,
// also by another process.
type EnvironmentID string

// ProcessID names a process inside an environment. The caller chooses it.
type ProcessID string

// Executor makes environments of one kind.
type Executor interface {
	// Name is the kind: "docker", "host", "kubernetes", "fake".
	Name() string

	// Probe says whether the executor can work now and what it can do.
	// Its error has kind Unavailable when nothing answers.
	Probe(ctx context.Context) (Capabilities, error)

	// Create makes the place that spec asks for and returns when commands can
	// be started in it: images are there, services are healthy. What a failed
	// Create made is removed again before it returns.
	Create(ctx context.Context, spec Spec) (Environment, error)

	// Attach finds an environment that Create made earlier. Its error has
	// kind NotFound when it is gone.
	Attach(ctx context.Context, id EnvironmentID) (Environment, error)

	// Sweep removes whatever carries owner's label, unless keep says that its
	// run is alive. It goes on after an error and returns all of them joined.
	Sweep(ctx context.Context, owner OwnerID, keep func(RunID) bool) (Swept, error)
}

// Capabilities say what an executor can do before work is given to it.
type Capabilities struct {
	Version    string   `json:"version"`    // of the engine behind it
	OS         string   `json:"os"`         // GOOS of the places
	Arch       string   `json:"arch"`       // GOARCH of the places
	Containers bool     `json:"containers"` // container: , services: and docker actions
	Build      bool     `json:"build"`      // Dockerfile actions
	Remote     bool     `json:"remote"`     // files of this machine cannot be mounted
	Notes      []string `json:"notes,omitempty"`
}

// Swept lists what Sweep removed, each as "container 3f2a...", for the report.
type Swept struct {
	Removed []string `json:"removed"`
}

// Environment is one place: files, processes, a user, perhaps services.
// All methods may be called at the same time.
type Environment interface {
	ID() EnvironmentID
	Info() Info

	// Start starts a process; ctx covers the start only, not its life.
	// Output is called in order from one goroutine per process and must not
	// block for long.
	Start(ctx context.Context, cmd Command, out Output) (Process, error)

	// AttachProcess continues with a process that was started earlier: out
	// gets everything from byte offset on.
	AttachProcess(ctx context.Context, id ProcessID, offset int64, out Output) (Process, error)

	// CopyIn unpacks a tar stream below dir, which is made if need be. Files
	// get the owner of the place's user.
	CopyIn(ctx context.Context, dir string, tar io.Reader) error

	// CopyOut packs path (a file or a folder, names relative to its parent)
	// as a tar stream. A path that is not there gives an error of kind
	// NotFound, at once or from the first Read.
	CopyOut(ctx context.Context, path string) (io.ReadCloser, error)

	// HashFiles is the expression function hashFiles, evaluated in workspace.
	HashFiles(ctx context.Context, q HashQuery) (string, error)

	// Expose listens inside the place, on port or (0) on any, and gives every
	// connection to accept, in a goroutine of its own, which must close it. A
	// connection has CloseWrite, and each direction ends by itself. The address
	// can be reached by the processes of the place and by containers on its
	// network, and by nothing else that could be kept out. The listener ends with
	// the place; connections that come while the place cannot be reached are
	// reset. After Attach the port is exposed again by its number, under the
	// address of before.
	//
	// It is no optional power: whatever runs the helper has it, and jobs without
	// services for caches and artifacts are not jobs as on GitHub.
	Expose(ctx context.Context, port int, accept func(net.Conn)) (addr string, err error)

	// Close ends every process of the place, those that lost their parent
	// too, and removes what Create made. It may be called again, also on an
	// environment that is half made or gone.
	Close(ctx context.Context) error
}

// HashQuery is one call of hashFiles.
type HashQuery struct {
	Workspace      string   `json:"workspace"`
	Patterns       []string `json:"patterns"`
	FollowSymlinks bool     `json:"followSymlinks,omitempty"`
}

// Containers is an optional power of an Environment: more containers beside
// the job, for docker actions.
type Containers interface {
	// Container makes a container that shares the job's work folder and
	// network. The caller starts its process and closes it.
	Container(ctx context.Context, spec ContainerSpec) (Environment, error)
}

// Builder is an optional power of an Executor: images from a Dockerfile.
type Builder interface {
	// Build makes the image unless one with the same tag is there already,
	// and returns the name to use. Log gets the build's output, a line a call.
	Build(ctx context.Context, spec BuildSpec, log func(line string)) (Image, error)
}

// Puller is an optional power of an Executor: images ahead of their use.
type Puller interface {
	// Pull makes sure that the image is there, under its pull policy.
	Pull(ctx context.Context, image Image, log func(line string)) error
	// HasImage tells whether it is there now, without any network.
	HasImage(ctx context.Context, image Image) (bool, error)
}

// Process is one running or ended process.
type Process interface {
	ID() ProcessID

	// Wait returns when the process has ended and all its output has been
	// given to Output. An exit code other than 0 is not an error. The error
	// means that the place was lost (kind Lost) or that ctx ended.
	Wait(ctx context.Context) (Exit, error)

	// Signal sends to the whole process group. A process that has ended
	// already is no error.
	Signal(ctx context.Context, s Signal) error
}

// Held is an optional power of a Process: what it printed, and its exit, stay in
// the place until they are given up, so that another program that comes after
// this one can follow the process from there. No method waits for the place.
type Held interface {
	Process

	// Hold is called before any output has been taken. From then on nothing is
	// given up by itself.
	Hold()

	// Taken gives up the output before offset.
	Taken(offset int64)

	// Forget gives up the rest and the exit, once Wait has returned it.
	Forget()
}

// Signal is one of the three that policy uses.
type Signal string

// The signals of the stop policy.
const (
	Interrupt Signal = "INT"
	Terminate Signal = "TERM"
	Kill      Signal = "KILL"
)

// Output receives what a process prints, stdout and stderr together in the
// order of arrival. Offset counts bytes since the start of the process.
type Output func(offset int64, data []byte)
