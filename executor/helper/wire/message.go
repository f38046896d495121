package wire

import (
	"github.com/drydock-ci/drydock/executor"
)

// Version is the version of the protocol; client and helper must agree.
const Version = 1

// Op names what a stream is for.
type Op string

// The operations. Hello must be the first of a session.
const (
	Hello     Op = "hello"
	Start     Op = "start"  // then frames, as for Attach
	Attach    Op = "attach" // server: Output and Exit frames; client: acknowledgements
	Signal    Op = "signal"
	CopyIn    Op = "copyin"  // client: chunks of a tar stream; then a second reply
	CopyOut   Op = "copyout" // server: chunks of a tar stream
	HashFiles Op = "hashfiles"
	Forward   Op = "forward"
	Expose    Op = "expose"
	Setup     Op = "setup"
	Stats     Op = "stats"
	Memory    Op = "memory" // server: a reply whenever the peak has grown notably
	Orphans   Op = "orphans"
	Shutdown  Op = "shutdown"
)

// Request is the head of a stream; which fields count depends on Op.
type Request struct {
	Op      Op                  `json:"op"`
	Version int                 `json:"version,omitempty"` // Hello
	Token   string              `json:"token,omitempty"`   // Hello
	Client  string              `json:"client,omitempty"`  // Hello: tells the sessions of one client from another's
	Command *executor.Command   `json:"command,omitempty"` // Start
	Nonce   string              `json:"nonce,omitempty"`   // Start: tells a repeated request from a second process of the same id
	Process executor.ProcessID  `json:"process,omitempty"` // Attach, Signal
	Offset  int64               `json:"offset,omitempty"`  // Attach, repeated Start
	Signal  executor.Signal     `json:"signal,omitempty"`  // Signal
	Path    string              `json:"path,omitempty"`    // CopyIn, CopyOut, Stats
	Hash    *executor.HashQuery `json:"hash,omitempty"`    // HashFiles
	Forward *Forwarding         `json:"forward,omitempty"` // Forward
	Expose  *Exposure           `json:"expose,omitempty"`  // Expose
	Setup   []Entry             `json:"setup,omitempty"`   // Setup
}

// Reply answers a Request.
type Reply struct {
	Error *Error  `json:"error,omitempty"`
	Place *Place  `json:"place,omitempty"` // Hello
	Hash  string  `json:"hash,omitempty"`  // HashFiles
	Addr  string  `json:"addr,omitempty"`  // Forward, Expose: the address that listens
	Near  bool    `json:"near,omitempty"`  // Expose: connections take the socket
	Stats *Figure `json:"stats,omitempty"` // Stats

	Memory *executor.Memory `json:"memory,omitempty"` // Memory

	Orphans []executor.Orphan `json:"orphans,omitempty"` // Orphans
}

// Error is an executor.Error on its way.
type Error struct {
	Op   string             `json:"op"`
	Kind executor.ErrorKind `json:"kind"`
	Text string             `json:"text"`
	Hint string             `json:"hint,omitempty"`
}

// Place says what the helper found where it runs.
type Place struct {
	OS   string            `json:"os"`
	Arch string            `json:"arch"`
	Libc string            `json:"libc"` // "glibc", "musl" or ""
	User string            `json:"user"`
	UID  int               `json:"uid"`
	GID  int               `json:"gid"`
	Home string            `json:"home"`
	Env  map[string]string `json:"env"`
}

// Forwarding is a TCP address inside the place that leads to another one.
type Forwarding struct {
	Listen string `json:"listen"` // "127.0.0.1:5432"; port 0 picks one
	Dial   string `json:"dial"`   // "postgres:5432"
}

// Exposure is a TCP port inside the place whose connections come out at the
// client. A client that comes back says the port again and gets them from then
// on.
type Exposure struct {
	ID   string `json:"id"`             // at the head of each stream that carries a connection
	Port int    `json:"port,omitempty"` // 0 picks one
	// Socket is a unix socket where the client takes connections too, should it
	// be there: much faster than a stream.
	Socket string `json:"socket,omitempty"`
}

// Incoming is the head of a stream that the helper opens: a connection to an
// exposed port, which follows as a Duplex.
type Incoming struct {
	Exposure string `json:"exposure"`
	From     string `json:"from"`
}

// The first byte of a connection to Exposure.Socket says what it is.
const (
	Knock byte = 'k' // somebody looks whether this works; answered by the same byte
	Enter byte = 'e' // the rest is a connection to the port
)

// Entry is a folder or a link to make. What is there already stays.
type Entry struct {
	Path   string `json:"path"`
	Mode   uint32 `json:"mode,omitempty"`   // of a folder; 0: 0755
	Target string `json:"target,omitempty"` // set: a symbolic link to it
	Owner  string `json:"owner,omitempty"`  // user, uid or uid:gid; empty: the place's user
}

// Figure is how much of memory and disk is there. Bytes; 0 when unknown.
type Figure struct {
	MemoryUsed  int64 `json:"memoryUsed"`
	MemoryTotal int64 `json:"memoryTotal"` // the limit of the place, or the machine's memory
	DiskFree    int64 `json:"diskFree"`
	DiskTotal   int64 `json:"diskTotal"`
}
