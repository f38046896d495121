package pipeline

import (
	"context"
	"io"
	"time"

	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
)

// Request is one service to make.
type Request struct {
	Service *declaration.Service
	Folder  string    // the repository's files; absolute
	Commit  string    // SHA; empty: none
	Version string    // of image and chart; a semantic version
	Tags    []string  // that the image gets
	Epoch   time.Time // the commit's time, for charts and jobs (SOURCE_DATE_EPOCH)
	// Needs are the images that this run made and that this one is made from, by
	// full name: what a registry has under that name may be older.
	Needs map[string]Image
}

// Image is an image that was made or found.
type Image struct {
	Name      string // with its registry, without a tag
	Digest    string // of the index if there are several platforms
	Size      int64  // bytes of all layers, compressed; 0: not known
	Platforms []string
	Bases     []Base // that it was made from, where the builder tells
}

// Base is an image that another was made from.
type Base struct {
	Name   string `json:"name"`
	Digest string `json:"digest,omitempty"` // as its tag was then; empty: not known
}

// Builder makes images and publishes them. Its methods write what people may see to
// log, without secrets, and are called for several services at once.
type Builder interface {
	// Build makes the image for all its platforms, and publishes nothing.
	Build(ctx context.Context, r Request, log io.Writer) (Image, error)
	// Push publishes what Build made: all of it by digest, and then the tags.
	Push(ctx context.Context, r Request, image Image, log io.Writer) error
	// Retag gives tags to a published image by reference: no layer is uploaded.
	Retag(ctx context.Context, r Request, image Image, log io.Writer) error
}

// Tester runs a service's test.
type Tester interface {
	Test(ctx context.Context, r Request, log io.Writer) error
}

// Charter packs and publishes a service's chart, and gives its reference.
type Charter interface {
	Chart(ctx context.Context, r Request, image Image, log io.Writer) (reference string, err error)
}

// Notifier tells somebody about a finished service.
type Notifier interface {
	Notify(ctx context.Context, to declaration.Notification, r Request, result Result) error
}

// Ledger knows what was published before.
type Ledger interface {
	// Last gives the image of a service that was published last; found is false
	// when none is known.
	Last(ctx context.Context, service string) (image Image, found bool, err error)
	// Record keeps what was published now.
	Record(ctx context.Context, r Request, image Image) error
}
