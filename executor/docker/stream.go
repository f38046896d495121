package docker

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
	"github.com/drydock-ci/drydock/executor"
)

// dialHelper opens the byte stream to a container's helper: one attached exec.
func dialHelper(ctx context.Context, c *connection, id string) (io.ReadWriteCloser, error) {
	op := "reach the helper of container " + short(id)
	made, err := c.api.ContainerExecCreate(ctx, id, container.ExecOptions{
		User: "0:0", WorkingDir: "/", AttachStdin: true, AttachStdout: true, AttachStderr: true,
		Cmd: []string{helperTarget, "connect", "--socket", socketPath},
	})
	if err != nil {
		// 404: removed; 409: not running, which it will never be again.
		if cerrdefs.IsNotFound(err) || cerrdefs.IsConflict(err) {
			return nil, &executor.Error{Op: op, Kind: executor.NotFound, Reason: whyGone(ctx, c, id), Err: trim(err)}
		}
		return nil, fail(op, err)
	}
	att, err := c.api.ContainerExecAttach(ctx, made.ID, container.ExecAttachOptions{})
	if err != nil {
		return nil, fail(op, err)
	}
	return &stream{conn: att.Conn, r: att.Reader}, nil
}

// whyGone is why a container that ran does not any more.
func whyGone(ctx context.Context, c *connection, id string) executor.Reason {
	r, err := c.api.ContainerInspect(ctx, id)
	if err == nil && r.ContainerJSONBase != nil && r.State != nil && r.State.OOMKilled {
		return executor.OutOfMemory
	}
	return executor.Deleted
}

// stream takes the engine's multiplexed output apart: stdout is the byte
// stream, what little comes on stderr is kept for the error.
type stream struct {
	conn net.Conn
	r    io.Reader
	left int // of the current stdout frame

	mu     sync.Mutex
	stderr bytes.Buffer
}

// maxText bounds what is kept of stderr.
const maxText = 4 << 10

func (s *stream) Read(b []byte) (int, error) {
	for s.left == 0 {
		// The header: kind, three zero bytes, size (moby: pkg/stdcopy).
		var head [8]byte
		if _, err := io.ReadFull(s.r, head[:]); err != nil {
			return 0, s.end(err)
		}
		size := int64(binary.BigEndian.Uint32(head[4:]))
		switch stdcopy.StdType(head[0]) {
		case stdcopy.Stdout:
			s.left = int(size)
		case stdcopy.Stderr, stdcopy.Systemerr:
			s.mu.Lock()
			keep := min(size, int64(maxText-s.stderr.Len()))
			_, err := io.CopyN(&s.stderr, s.r, keep)
			s.mu.Unlock()
			if err == nil {
				_, err = io.CopyN(io.Discard, s.r, size-keep)
			}
			if err != nil {
				return 0, s.end(err)
			}
		default:
			return 0, fmt.Errorf("the engine's stream holds an unknown kind %d", head[0])
		}
	}
	if len(b) > s.left {
		b = b[:s.left]
	}
	n, err := s.r.Read(b)
	s.left -= n
	if err == io.EOF && s.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// end adds what the program said to the end of its stream.
func (s *stream) end(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if text := bytes.TrimSpace(s.stderr.Bytes()); len(text) > 0 {
		return fmt.Errorf("the helper's stream ended: %s", text)
	}
	return err
}

func (s *stream) Write(b []byte) (int, error) { return s.conn.Write(b) }
func (s *stream) Close() error                { return s.conn.Close() }

// short is the usual short form of a container's id.
func short(id string) string {
	if len(id) > 12 {
		return id[:12]
	}
	return id
}
