package helper

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/helper/wire"
)

// DefaultRedial is how long a broken stream is dialled again before the place
// counts as lost.
const DefaultRedial = time.Minute

// NewToken makes the secret that claims a helper. Who has it can run commands
// in the place, so it is kept where only the owner reads it.
func NewToken() string { return rand.Text() }

// Options say how a place is reached.
type Options struct {
	// Dial makes a byte stream to the helper. An error of kind NotFound or
	// Lost means that the place is gone; any other is tried again.
	Dial func(context.Context) (io.ReadWriteCloser, error)
	// Token claims the helper, or is the one that claimed it before.
	Token string
	// Redial is how long to go on dialling; 0 means DefaultRedial.
	Redial time.Duration
	// Sockets is a shorter way for the connections of Expose; may be empty.
	Sockets Sockets
	// Memory asks the helper for Place.Memory. It is for places that the kernel
	// kills as a whole.
	Memory bool
	// Log may be nil.
	Log *slog.Logger
}

// Place does the part of executor.Environment that concerns processes and
// files. Back ends embed it and add ID, Info and Close. All methods may be
// called at the same time.
type Place struct {
	o    Options
	info wire.Place
	name string // tells the helper that a new session is the same client's

	ctx  context.Context // ends with Disconnect, so that redialling does
	stop context.CancelCauseFunc

	mu      sync.Mutex
	client  *Client
	exposed map[string]func(net.Conn) // by the id of the exposure
	dialed  chan struct{}             // non-nil while somebody dials
	gone    error                     // set for good once the place is lost
	memory  executor.Memory
}

// Open dials and says hello, trying for as long as Options.Redial.
func Open(ctx context.Context, o Options) (*Place, error) {
	if o.Redial == 0 {
		o.Redial = DefaultRedial
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &Place{o: o, name: NewToken()}
	p.ctx, p.stop = context.WithCancelCause(context.WithoutCancel(ctx))
	c, err := p.session(ctx, "connect to the helper")
	if err != nil {
		p.stop(err)
		return nil, err
	}
	p.info = c.Place()
	return p, nil
}

// Describe fills the fields of Info that the helper knows: OS, Arch, Libc,
// User, Home and Env.
func (p *Place) Describe() executor.Info {
	return executor.Info{
		OS: p.info.OS, Arch: p.info.Arch, Libc: p.info.Libc,
		User: p.info.User, Home: p.info.Home, Env: maps.Clone(p.info.Env),
	}
}

// IDs are the numbers of the place's user.
func (p *Place) IDs() (uid, gid int) { return p.info.UID, p.info.GID }

// Disconnect ends the session without ending anything in the place. Waits
// that are under way return an error of kind Lost.
func (p *Place) Disconnect() {
	p.giveUp(executor.Errorf("use the helper", executor.Lost, "the connection was closed"))
}

func (p *Place) giveUp(err error) {
	p.mu.Lock()
	if p.gone == nil {
		p.gone = err
	}
	c := p.client
	p.client = nil
	p.mu.Unlock()
	p.stop(err)
	if c != nil {
		c.Close()
	}
}

// session gives the live session, or dials one. Whoever comes while another
// one dials waits for that.
func (p *Place) session(ctx context.Context, op string) (*Client, error) {
	for {
		p.mu.Lock()
		if p.gone != nil {
			err := p.gone
			p.mu.Unlock()
			return nil, &executor.Error{Op: op, Kind: executor.Lost, Err: err}
		}
		if c := p.client; c != nil {
			select {
			case <-c.Done():
				p.client = nil
			default:
				p.mu.Unlock()
				return c, nil
			}
		}
		wait := p.dialed
		if wait == nil {
			wait = make(chan struct{})
			p.dialed = wait
			p.mu.Unlock()
			c, err := p.dial(ctx)
			p.mu.Lock()
			p.dialed = nil
			close(wait)
			if err == nil && p.gone != nil {
				err = p.gone
				go c.Close()
			}
			if err == nil {
				p.client = c
				go p.incoming(c)
				if p.o.Memory {
					go p.followMemory(c)
				}
			}
			p.mu.Unlock()
			if err == nil {
				return c, nil
			}
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			p.giveUp(err)
			return nil, &executor.Error{Op: op, Kind: executor.Lost, Err: err}
		}
		p.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// dial tries until the time for it is over or the place is known to be gone.
func (p *Place) dial(ctx context.Context) (*Client, error) {
	ctx, cancel := context.WithTimeout(ctx, p.o.Redial)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		c, err := p.dialOnce(ctx)
		if err == nil {
			return c, nil
		}
		final := executor.IsKind(err, executor.NotFound) || executor.IsKind(err, executor.Refused) ||
			executor.IsKind(err, executor.Invalid) ||
			(executor.IsKind(err, executor.Lost) && !isBroken(err))
		if final || ctx.Err() != nil {
			return nil, err
		}
		p.o.Log.Debug("helper does not answer, trying again", "error", err)
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil, err
		}
	}
}

func (p *Place) dialOnce(ctx context.Context) (*Client, error) {
	rwc, err := p.o.Dial(ctx)
	if err != nil {
		return nil, err
	}
	return Connect(ctx, rwc, p.o.Token, p.name)
}

// call does a request that may be repeated when the session breaks.
func (p *Place) call(ctx context.Context, op string, req *wire.Request) (*wire.Reply, error) {
	for {
		c, err := p.session(ctx, op)
		if err != nil {
			return nil, err
		}
		r, err := c.call(ctx, op, req)
		if err == nil || !isBroken(err) {
			return r, err
		}
		p.drop(c)
	}
}

// drop ends a session that misbehaved, so that the next call dials.
func (p *Place) drop(c *Client) {
	c.Close()
	p.mu.Lock()
	if p.client == c {
		p.client = nil
	}
	p.mu.Unlock()
}

// Shutdown ends every process of the place and the helper itself. It is no
// error when the helper is gone already.
func (p *Place) Shutdown(ctx context.Context) error {
	_, err := p.call(ctx, "shut the helper down", &wire.Request{Op: wire.Shutdown})
	if err != nil && !executor.IsKind(err, executor.Lost) {
		return err
	}
	p.giveUp(executor.Errorf("use the helper", executor.Lost, "the place was shut down"))
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return err
	}
	return nil
}
