package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

func TestDuplex(t *testing.T) {
	a, b := net.Pipe()
	left, right := NewDuplex(a), NewDuplex(b)
	want := bytes.Repeat([]byte("0123456789"), MaxChunk/5) // two chunks
	go func() {
		_, _ = left.Write(want[:3])
		_, _ = left.ReadFrom(bytes.NewReader(want[3:]))
		_ = left.CloseWrite()
		_ = left.CloseWrite()
	}()
	if got, err := io.ReadAll(right); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	// The other direction goes on, whatever deadlines are set for the first.
	_ = right.SetReadDeadline(time.Unix(1, 0))
	go func() { _, _ = right.Write([]byte("back")); right.Close() }()
	if got, err := io.ReadAll(left); err != nil || string(got) != "back" {
		t.Errorf("%q, %v", got, err)
	}
	select {
	case <-left.Gone():
	case <-time.After(time.Minute):
		t.Error("that the other side closed both directions is not seen")
	}
	if _, err := left.Write(want); err == nil {
		t.Error("a write after CloseWrite")
	}
}

// A deadline in the middle of a chunk's head loses nothing: net/http does that.
func TestDuplexDeadline(t *testing.T) {
	a, b := net.Pipe()
	d := NewDuplex(b)
	head := binary.BigEndian.AppendUint32(nil, 5)
	write := func(p []byte) {
		if _, err := a.Write(p); err != nil {
			t.Error(err)
		}
	}
	type result struct {
		text string
		err  error
	}
	for _, part := range [][]byte{nil, head[:2], head[2:], []byte("he")} {
		_ = d.SetReadDeadline(time.Time{})
		done := make(chan result, 1)
		go func() {
			buf := make([]byte, 10)
			n, err := d.Read(buf)
			done <- result{string(buf[:n]), err}
		}()
		if part != nil {
			write(part) // which returns when it was read
		}
		if string(part) == "he" {
			if got := <-done; got.text != "he" || got.err != nil {
				t.Fatalf("%q, %v", got.text, got.err)
			}
			continue
		}
		_ = d.SetReadDeadline(time.Unix(1, 0))
		if got := <-done; got.text != "" || !errors.Is(got.err, os.ErrDeadlineExceeded) {
			t.Fatalf("%q, %v", got.text, got.err)
		}
	}
	_ = d.SetReadDeadline(time.Time{})
	go func() { write([]byte("llo")); a.Close() }()
	if got, err := io.ReadAll(d); string(got) != "llo" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%q, %v; want the rest and no clean end", got, err)
	}
}

func FuzzDuplex(f *testing.F) {
	f.Add([]byte{0, 0, 0, 3, 'a', 'b', 'c', 0, 0, 0, 0})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0, 4, 0, 1, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		a, b := net.Pipe()
		defer b.Close()
		go func() { _, _ = a.Write(data); a.Close() }()
		d := NewDuplex(b)
		got, err := io.ReadAll(d)
		if len(got) > len(data) {
			t.Fatalf("%d bytes out of %d", len(got), len(data))
		}
		if err == nil && !bytes.Contains(data, []byte{0, 0, 0, 0}) {
			t.Error("an end that nobody sent")
		}
	})
}
