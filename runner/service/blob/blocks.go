package blob

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"strconv"
)

// maxBlocks is Azure's limit of one blob.
const maxBlocks = 50_000

// putBlock writes a block to where it will probably belong in the end. Then the
// list only has to confirm it, and nothing is copied.
func (up *upload) putBlock(ctx context.Context, block string, r io.Reader, size int64) error {
	if size < 0 {
		return up.putBlockOfUnknownSize(ctx, block, r)
	}
	file, place, err := up.reserve(block, size)
	if err != nil {
		return err
	}
	err = up.fill(ctx, file, place.off, r, size)
	up.mu.Lock()
	defer up.mu.Unlock()
	if gone := up.still(file); gone != nil {
		return gone // and with it the place
	}
	if err != nil {
		up.taken = up.taken.remove(place)
		return err
	}
	up.replace(block, place)
	return nil
}

// replace notes a whole block. What it replaces keeps its bytes when the sealed
// blob consists of them.
func (up *upload) replace(block string, place span) {
	if old, ok := up.blocks[block]; ok && old.length > 0 && !up.inList(old) {
		up.taken = up.taken.remove(old)
	}
	up.blocks[block] = place
}

func (up *upload) inList(s span) bool {
	for _, l := range up.list {
		if l == s {
			return true
		}
	}
	return false
}

// reserve finds a place in the file.
func (up *upload) reserve(block string, size int64) (*os.File, span, error) {
	up.mu.Lock()
	defer up.mu.Unlock()
	if up.ended {
		return nil, span{}, ErrUnknown
	}
	if up.mode == modeRanges {
		return nil, span{}, fmt.Errorf("%w: ranges were put already", ErrBlock)
	}
	if _, again := up.blocks[block]; !again && len(up.blocks) >= maxBlocks {
		return nil, span{}, fmt.Errorf("%w: more than %d blocks", ErrTooLarge, maxBlocks)
	}
	// What was replaced or named by no list may take as much room again.
	if up.max > 0 && (size > up.max || up.taken.total() > 2*up.max-size) {
		return nil, span{}, fmt.Errorf("%w: limit %d bytes", ErrTooLarge, up.max)
	}
	up.mode = modeBlocks
	place := span{up.taken.end(), size}
	up.stride = max(up.stride, size)
	if n, ok := blockNumber(block); ok && n < maxBlocks && up.stride < 1<<40 {
		if guess := (span{int64(n) * up.stride, size}); up.taken.free(guess) && (up.max == 0 || guess.end() <= up.max) {
			place = guess
		}
	}
	up.taken = up.taken.add(place)
	return up.file, place, nil
}

// blockNumber reads the position out of the ids of Azure's JavaScript client: a
// uuid and a number with leading zeros, in base64. A wrong guess costs a copy,
// nothing else.
func blockNumber(block string) (int, bool) {
	text, err := base64.StdEncoding.DecodeString(block)
	if err != nil || len(text) < 6 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text[len(text)-6:]), 10, 31)
	return int(n), err == nil
}

func (up *upload) putBlockOfUnknownSize(ctx context.Context, block string, r io.Reader) error {
	spool, name, err := up.staging.create()
	if err != nil {
		return err
	}
	defer up.staging.remove(name)
	defer spool.Close()
	n, err := copyBuffer(&limited{w: spool, touch: up.touch, left: up.max, bounded: up.max > 0}, withContext(ctx, r))
	if err := bodyError(n, -1, err); err != nil {
		return err
	}
	return up.putBlock(ctx, block, io.NewSectionReader(spool, 0, n), n)
}

// putBlockList seals the blob. If the blocks lie in the file as the list has
// them, that is all; else they are copied in order into a new file.
func (up *upload) putBlockList(blocks []string) error {
	if len(blocks) > maxBlocks {
		return fmt.Errorf("%w: more than %d blocks", ErrBlockList, maxBlocks)
	}
	up.mu.Lock()
	defer up.mu.Unlock()
	if up.ended {
		return ErrUnknown
	}
	if up.mode == modeRanges {
		return fmt.Errorf("%w: ranges were put already", ErrBlockList)
	}
	list := make([]span, len(blocks))
	named := make(map[string]span, len(blocks))
	next, inOrder := int64(0), true
	for i, b := range blocks {
		s, ok := up.blocks[b]
		if !ok {
			return fmt.Errorf("%w: block %.100q was not put", ErrBlockList, b)
		}
		list[i], named[b] = s, s
		inOrder = inOrder && (s.off == next || s.length == 0)
		next += s.length
	}
	if up.max > 0 && next > up.max {
		return fmt.Errorf("%w: %d bytes, limit %d", ErrTooLarge, next, up.max)
	}
	if !inOrder {
		if err := up.join(list); err != nil {
			return err
		}
		// The blocks lie in the new file now; one that is named twice counts where it came first.
		named, next = map[string]span{}, 0
		for i := range list {
			list[i].off = next
			next += list[i].length
			if _, ok := named[blocks[i]]; !ok {
				named[blocks[i]] = list[i]
			}
		}
		up.taken = nil
		for _, s := range list {
			up.taken = up.taken.add(s)
		}
	}
	up.blocks, up.list = named, list
	up.sealed, up.size = true, next
	up.mode = modeBlocks
	return nil
}

// join copies the spans into a new file and takes that for the upload's.
func (up *upload) join(list []span) error {
	file, name, err := up.staging.create()
	if err != nil {
		return err
	}
	if err := joinSpans(file, up.file, list, up.touch); err != nil {
		file.Close()
		up.staging.remove(name)
		return err
	}
	up.exchange(file, name)
	return nil
}

// joinSpans has the kernel copy from file to file.
func joinSpans(to, from *os.File, list []span, touch func()) error {
	for _, s := range list {
		if _, err := from.Seek(s.off, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.CopyN(to, from, s.length); err != nil {
			return err
		}
		touch()
	}
	return nil
}
