package executor

// Labels are put on everything that a back end creates.
type Labels struct {
	Owner OwnerID `json:"owner"`
	Run   RunID   `json:"run"`
	Job   string  `json:"job"`
}

// Kind tells the two places of a container engine apart.
type Kind string

// The kinds of places.
const (
	// Machine behaves as a GitHub-hosted machine: /home/runner/work, services
	// at localhost.
	Machine Kind = "machine"
	// Container is a job's own `container:`: /__w, services by their names.
	Container Kind = "container"
)

// Spec is what a job needs of its place. Nothing in it is secret but
// Image.Credentials, which a back end must keep out of names, labels and logs.
type Spec struct {
	Name     string            `json:"name"` // readable part of resource names; back ends make it safe
	Labels   Labels            `json:"labels"`
	Kind     Kind              `json:"kind"`
	Image    Image             `json:"image"`             // not used on the host
	Env      map[string]string `json:"env,omitempty"`     // container.env; part of the definition
	Ports    []string          `json:"ports,omitempty"`   // container.ports
	Volumes  []string          `json:"volumes,omitempty"` // container.volumes
	Options  string            `json:"options,omitempty"` // container.options, docker create's syntax
	Services []Service         `json:"services,omitempty"`
	Provide  []Provided        `json:"provide,omitempty"`
	// Containers asks for a network even when there are no services, since
	// docker actions will join.
	Containers bool `json:"containers,omitempty"`
	// Expose says that ports will be exposed and carry much: what makes that
	// fast is got ready. They can be exposed without it too.
	Expose bool `json:"expose,omitempty"`
	// Linger is how long the place lives on, in seconds, when the program
	// that made it is gone: 0 means the back end's default (short on a
	// laptop), a server asks for minutes.
	Linger int `json:"linger,omitempty"`
	// Class names what the operator has set for places such as this one; the back
	// end's options know it. A workflow has no say in it. Empty: what is set for
	// all.
	Class string `json:"class,omitempty"`
	// Confined leaves out what the operator's options open to other places: the
	// engine's socket, privileges, folders and devices of the machine, volumes
	// that jobs share. A place that cannot be without them is refused.
	Confined bool `json:"confined,omitempty"`
	// Log gets what happens while the place is made, a line a call: pulls,
	// services, health.
	Log func(line string) `json:"-"`
}

// Image names a container image.
type Image struct {
	Ref         string       `json:"ref"`
	Pull        PullPolicy   `json:"pull,omitempty"`
	Platform    string       `json:"platform,omitempty"` // os/arch, empty: the engine's own
	Credentials *Credentials `json:"credentials,omitempty"`
}

// Credentials log in to the image's registry.
type Credentials struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

// PullPolicy says when an image is pulled; the zero value is PullMissing.
type PullPolicy string

// The pull policies.
const (
	PullMissing PullPolicy = ""
	PullAlways  PullPolicy = "always"
	PullNever   PullPolicy = "never"
)

// Service is one entry of `services:`.
type Service struct {
	ID         string            `json:"id"`
	Image      Image             `json:"image"`
	Env        map[string]string `json:"env,omitempty"`
	Ports      []string          `json:"ports,omitempty"`
	Volumes    []string          `json:"volumes,omitempty"`
	Options    string            `json:"options,omitempty"`
	Command    []string          `json:"command,omitempty"`
	Entrypoint []string          `json:"entrypoint,omitempty"`
}

// Provided is a folder of this machine that the place shows read-only at
// Target: node builds. A back end that cannot mount it reports
// Info.Provided = false, and the caller copies in what it needs.
type Provided struct {
	Source string `json:"source"`
	Target string `json:"target"`
}

// ContainerSpec is a container beside the job, for a docker action.
type ContainerSpec struct {
	Name  string            `json:"name"`
	Image Image             `json:"image"`
	Env   map[string]string `json:"env,omitempty"` // nothing secret: a step's environment goes with its Command
	Share []Share           `json:"share"`
	Dir   string            `json:"dir"` // working directory
	Log   func(line string) `json:"-"`
}

// Share shows a folder of the job's work folder at Target in a container
// beside the job.
type Share struct {
	Path   string `json:"path"` // absolute, inside the job's place, below Paths.Work
	Target string `json:"target"`
}

// BuildSpec is an image to build for a Dockerfile action.
type BuildSpec struct {
	Repository string `json:"repository"` // whose action it is: part of the tag
	Context    string `json:"context"`    // folder on this machine
	Dockerfile string `json:"dockerfile"` // relative to Context
	Labels     Labels `json:"labels"`
	Platform   string `json:"platform,omitempty"`
	Rebuild    bool   `json:"rebuild,omitempty"` // even if the tag is there
}

// Info says what a place is like. It does not change.
type Info struct {
	OS        string                 `json:"os"`   // GOOS
	Arch      string                 `json:"arch"` // GOARCH
	Libc      string                 `json:"libc"` // "glibc", "musl" or "" for none
	User      string                 `json:"user"` // whom commands run as
	Home      string                 `json:"home"`
	Env       map[string]string      `json:"env,omitempty"` // the place's own environment, PATH among it
	Paths     Paths                  `json:"paths"`
	Provided  bool                   `json:"provided"` // Spec.Provide is visible
	Container *ContainerInfo         `json:"container,omitempty"`
	Services  map[string]ServiceInfo `json:"services,omitempty"`
	// Linked: of a container beside the job, what is shared with it is where the
	// job has it, and the targets are but links to there.
	Linked     bool     `json:"linked,omitempty"`
	Entrypoint []string `json:"entrypoint,omitempty"` // of the image
	Cmd        []string `json:"cmd,omitempty"`
}

// Paths are the folders of a place. All are made by the back end.
type Paths struct {
	Work      string `json:"work"`      // holds NAME/NAME (workspace), _actions, _temp
	Temp      string `json:"temp"`      // Work/_temp
	Actions   string `json:"actions"`   // Work/_actions
	ToolCache string `json:"toolCache"` // default tool cache
	Home      string `json:"home"`      // HOME to set; empty: leave the user's
}

// ContainerInfo is the job.container context.
type ContainerInfo struct {
	ID      string `json:"id"`
	Network string `json:"network"`
}

// ServiceInfo is one job.services.<id> context.
type ServiceInfo struct {
	ID      string            `json:"id"`
	Network string            `json:"network"`
	Ports   map[string]string `json:"ports"` // container port -> port the job uses
}

// Command is a process to start. It carries the environment, which may be
// secret: it travels in the helper's stream and nowhere else.
type Command struct {
	ID   ProcessID `json:"id"`
	Argv []string  `json:"argv"` // Argv[0] is looked up in PATH
	// Env is added to the place's own environment.
	Env map[string]string `json:"env,omitempty"`
	// PrependPath goes before PATH, first entry first.
	PrependPath []string `json:"prependPath,omitempty"`
	Dir         string   `json:"dir"`
	User        string   `json:"user,omitempty"` // empty: the place's user
	// Files are written before the start: the script, the empty command files.
	Files []File `json:"files,omitempty"`
	// Collect are paths that are read and removed when the process has ended;
	// what is not there is left out of Exit.Files.
	Collect []string `json:"collect,omitempty"`
}

// File is one file to write.
type File struct {
	Path string `json:"path"`
	Data []byte `json:"data"`
	Mode uint32 `json:"mode"` // permission bits
}

// Exit tells how a process ended.
type Exit struct {
	Code   int               `json:"code"`             // 128+n after signal n
	Signal string            `json:"signal,omitempty"` // "KILL", empty when it ended by itself
	OOM    bool              `json:"oom,omitempty"`    // it failed, and the kernel killed it, or a process beside it, for memory
	Memory Memory            `json:"memory,omitzero"`  // of the place, with OOM
	Files  map[string][]byte `json:"files,omitempty"`  // Command.Collect
	// TooLarge lists collected files that were cut at the helper's limit of
	// 8 MiB each.
	TooLarge []string `json:"tooLarge,omitempty"`
}
