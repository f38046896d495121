package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/executor"
)

func TestChunks(t *testing.T) {
	data := strings.Repeat("0123456789", 100_000)
	var buf bytes.Buffer
	w := NewChunkWriter(&buf)
	if _, err := io.WriteString(w, data); err != nil {
		t.Fatal(err)
	}
	whole := buf.Bytes()
	if got, err := io.ReadAll(NewChunkReader(bytes.NewReader(whole))); !errors.Is(err, io.ErrUnexpectedEOF) || len(got) != len(data) {
		t.Errorf("without an end: %d bytes, error %v", len(got), err)
	}
	w.End()
	buf.WriteString("rest")
	r := bytes.NewReader(buf.Bytes())
	if got, err := io.ReadAll(NewChunkReader(r)); err != nil || string(got) != data {
		t.Errorf("%d bytes, error %v", len(got), err)
	}
	if r.Len() != 4 {
		t.Errorf("%d bytes are left after the end, want 4", r.Len())
	}
	buf.Reset()
	io.WriteString(w, "x")
	w.Abort(errors.New("disk on fire"))
	if got, err := io.ReadAll(NewChunkReader(&buf)); err == nil || err.Error() != "disk on fire" || string(got) != "x" {
		t.Errorf("aborted: %q, error %v", got, err)
	}
}

func TestFrames(t *testing.T) {
	var buf bytes.Buffer
	buf.Write(AppendOutput(nil, 1<<40, []byte("abc")))
	if err := WriteExit(&buf, executor.Exit{Code: 3}); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(&buf)
	k, p, err := ReadFrame(r)
	if err != nil || k != Output {
		t.Fatalf("frame %q, %v", k, err)
	}
	if offset, data, err := SplitOutput(p); err != nil || offset != 1<<40 || string(data) != "abc" {
		t.Errorf("output %d %q, %v", offset, data, err)
	}
	if k, p, err := ReadFrame(r); err != nil || k != Exit || string(p) != `{"code":3}` {
		t.Errorf("frame %q %q, %v", k, p, err)
	}
	for _, n := range []int64{0, 5, ExitSeen} {
		buf.Reset()
		WriteAck(&buf, n)
		if got, err := ReadAck(&buf); err != nil || got != n {
			t.Errorf("ack %d came as %d, %v", n, got, err)
		}
	}
}

func TestErrorsTravel(t *testing.T) {
	in := &executor.Error{Op: `start "x"`, Kind: executor.StartFailed, Err: errors.New("not found"), Hint: "install it"}
	out := FromError(in).Err("ask")
	if out.Error() != in.Error() || !executor.IsKind(out, executor.StartFailed) {
		t.Errorf("%v became %v", in, out)
	}
	if out := FromError(errors.New("plain")).Err("ask"); out.Error() != "ask: plain" || !executor.IsKind(out, executor.Failed) {
		t.Errorf("a plain error became %v", out)
	}
	if FromError(nil).Err("ask") != nil {
		t.Error("no error became one")
	}
}

func FuzzRead(f *testing.F) {
	var buf bytes.Buffer
	WriteJSON(&buf, Request{Op: Hello, Token: "x"})
	f.Add(buf.Bytes())
	f.Add(AppendOutput(nil, 3, []byte("abc")))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 'x'})
	f.Add([]byte{7, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		var req Request
		_ = ReadJSON(bytes.NewReader(data), &req)
		r := bufio.NewReader(bytes.NewReader(data))
		for {
			k, p, err := ReadFrame(r)
			if err != nil {
				break
			}
			if k == Output && len(p) > MaxChunk+8 {
				t.Fatalf("a frame of %d bytes passed", len(p))
			}
			_, _, _ = SplitOutput(p)
		}
		if n, _ := io.Copy(io.Discard, NewChunkReader(bytes.NewReader(data))); n > int64(len(data)) {
			t.Fatalf("%d bytes came out of %d", n, len(data))
		}
	})
}
