package wire

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hashicorp/yamux"
)

// MaxHead limits a JSON head; scripts and collected files travel in heads.
const MaxHead = 128 << 20

// MaxChunk limits one frame of output or of a tar stream.
const MaxChunk = 256 << 10

// FrameHead is the length of an Output frame without its data.
const FrameHead = 1 + 4 + 8

// Kind is the first byte of a frame of a process's stream.
type Kind byte

// The kinds of frames.
const (
	Output Kind = 'o' // eight bytes of offset, then data
	Exit   Kind = 'x' // JSON of executor.Exit
)

// ExitSeen is the acknowledgement that the exit was handed to its waiter; any
// other acknowledgement is the offset up to which output was consumed.
const ExitSeen = -1

// Session is the configuration that both ends use.
func Session() *yamux.Config {
	c := yamux.DefaultConfig()
	c.MaxStreamWindowSize = 1 << 20
	c.KeepAliveInterval = 15 * time.Second
	c.ConnectionWriteTimeout = 20 * time.Second
	c.LogOutput = io.Discard // errors reach the callers of streams
	return c
}

// WriteJSON writes a length and the JSON of v in one write.
func WriteJSON(w io.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(data) > MaxHead {
		return fmt.Errorf("message of %d bytes is longer than the limit of %d", len(data), MaxHead)
	}
	buf := make([]byte, 4, 4+len(data))
	binary.BigEndian.PutUint32(buf, uint32(len(data)))
	_, err = w.Write(append(buf, data...))
	return err
}

// ReadJSON is the other end of WriteJSON.
func ReadJSON(r io.Reader, v any) error {
	data, err := readBlock(r, MaxHead)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}

func readBlock(r io.Reader, limit uint32) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > limit {
		return nil, fmt.Errorf("message of %d bytes is longer than the limit of %d", n, limit)
	}
	if n <= 64<<10 {
		data := make([]byte, n)
		_, err := io.ReadFull(r, data)
		return data, err
	}
	// A long one grows as it arrives: a false length costs no memory.
	data, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err == nil && len(data) < int(n) {
		err = io.ErrUnexpectedEOF
	}
	return data, err
}

// AppendOutput appends an Output frame.
func AppendOutput(buf []byte, offset int64, data []byte) []byte {
	buf = append(buf, byte(Output))
	buf = binary.BigEndian.AppendUint32(buf, uint32(8+len(data)))
	buf = binary.BigEndian.AppendUint64(buf, uint64(offset))
	return append(buf, data...)
}

// WriteExit writes an Exit frame.
func WriteExit(w io.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	buf := append([]byte{byte(Exit)}, 0, 0, 0, 0)
	binary.BigEndian.PutUint32(buf[1:], uint32(len(data)))
	_, err = w.Write(append(buf, data...))
	return err
}

// ReadFrame reads one frame of a process's stream.
func ReadFrame(r *bufio.Reader) (Kind, []byte, error) {
	k, err := r.ReadByte()
	if err != nil {
		return 0, nil, err
	}
	limit := uint32(MaxHead)
	if Kind(k) == Output {
		limit = MaxChunk + 8
	}
	data, err := readBlock(r, limit)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return Kind(k), data, err
}

// SplitOutput takes an Output frame's payload apart.
func SplitOutput(payload []byte) (offset int64, data []byte, err error) {
	if len(payload) < 8 {
		return 0, nil, errors.New("output frame without an offset")
	}
	return int64(binary.BigEndian.Uint64(payload)), payload[8:], nil
}

// WriteAck acknowledges output up to offset, or the exit.
func WriteAck(w io.Writer, offset int64) error {
	_, err := w.Write(binary.BigEndian.AppendUint64(nil, uint64(offset)))
	return err
}

// ReadAck is the other end of WriteAck.
func ReadAck(r io.Reader) (int64, error) {
	var b [8]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return 0, err
	}
	return int64(binary.BigEndian.Uint64(b[:])), nil
}
