//go:build linux

package serve

import (
	"bytes"
	"testing"
	"time"
)

// pattern fills with bytes that tell their offset.
func pattern(offset int64, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		o := offset + int64(i)
		b[i] = byte(o ^ o>>8 ^ o>>16)
	}
	return b
}

func TestOutputSpillsAndBlocks(t *testing.T) {
	o := newOutput(t.TempDir())
	defer o.drop()
	const piece = 60_000
	added := make(chan int64, 1)
	go func() {
		var n int64
		for n < memoryLimit+spillLimit+spillLimit/2 {
			if err := o.add(pattern(n, piece)); err != nil {
				t.Error(err)
			}
			n += piece
		}
		o.close()
		added <- n
	}()
	select {
	case n := <-added:
		t.Fatalf("all %d bytes were taken without a reader", n)
	case <-time.After(1500 * time.Millisecond):
	}
	r := o.enter(0)
	buf := make([]byte, 64<<10)
	var offset int64
	for {
		at, n, ok := o.read(r, offset, buf)
		if !ok || at != offset {
			t.Fatalf("read at %d gave %d, ok %v", offset, at, ok)
		}
		if n == 0 {
			break
		}
		if !bytes.Equal(buf[:n], pattern(at, n)) {
			t.Fatalf("wrong bytes at offset %d", at)
		}
		offset += int64(n)
		o.ack(r, offset)
	}
	if n := <-added; n != offset {
		t.Errorf("%d bytes came out, %d went in", offset, n)
	}
	if o.spills || len(o.mem) > memoryLimit {
		t.Errorf("spilling %v, %d bytes in memory after all was acknowledged", o.spills, len(o.mem))
	}
}

func TestOutputKeepsForTheSlower(t *testing.T) {
	o := newOutput(t.TempDir())
	defer o.drop()
	fast, slow := o.enter(0), o.enter(0)
	for n := int64(0); n < 4*memoryLimit; n += 50_000 {
		if err := o.add(pattern(n, 50_000)); err != nil {
			t.Fatal(err)
		}
		o.ack(fast, n+50_000)
	}
	buf := make([]byte, 1000)
	if at, n, ok := o.read(slow, 10, buf); at != 10 || !ok || !bytes.Equal(buf[:n], pattern(10, n)) {
		t.Errorf("the slow reader got %d bytes at %d, ok %v", n, at, ok)
	}
	o.leave(slow)
	if _, _, ok := o.read(slow, 10, buf); ok {
		t.Error("a reader that left still reads")
	}
	o.ack(fast, o.end)
	if o.acked != o.end {
		t.Errorf("acknowledged up to %d of %d", o.acked, o.end)
	}
}

func TestOutputKeepsATail(t *testing.T) {
	o := newOutput(t.TempDir())
	defer o.drop()
	r := o.enter(0)
	for n := int64(0); n < 3*memoryLimit; n += 50_000 {
		if err := o.add(pattern(n, 50_000)); err != nil {
			t.Fatal(err)
		}
		o.ack(r, n+50_000)
	}
	if o.file != nil {
		t.Error("acknowledged output was spilled")
	}
	buf := make([]byte, 1000)
	at, n, ok := o.read(r, 0, buf)
	if !ok || at < o.end-memoryLimit || at > o.end-memoryLimit/4 || !bytes.Equal(buf[:n], pattern(at, n)) {
		t.Errorf("from the beginning: %d bytes at %d of %d", n, at, o.end)
	}
}
