package blob

import (
	"encoding/base64"
	"errors"
	"testing"
)

func FuzzBlockList(f *testing.F) {
	f.Add([]byte(listOf(1, 2, 3)))
	f.Add([]byte(`<BlockList><Latest>a</Latest><Committed>b</Committed></BlockList>`))
	f.Add([]byte(`<!DOCTYPE a [<!ENTITY x "y">]><BlockList><Latest>&x;</Latest></BlockList>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		ids, err := parseBlockList(text)
		if err != nil && !errors.Is(err, ErrBlockList) {
			t.Errorf("not a block list's error: %v", err)
		}
		if len(ids) > maxBlocks {
			t.Errorf("%d ids", len(ids))
		}
	})
}

func FuzzRange(f *testing.F) {
	f.Add("bytes=0-9", int64(10))
	f.Add("bytes=-5", int64(3))
	f.Add("bytes=5-", int64(0))
	f.Add("bytes=9223372036854775807-9223372036854775807", int64(1))
	f.Fuzz(func(t *testing.T, text string, size int64) {
		if size < 0 {
			size = -(size + 1)
		}
		s, err := parseRange(text, size)
		if err == nil && (s.off < 0 || s.length < 1 || s.end() > size) {
			t.Errorf("parseRange(%q, %d) = %+v", text, size, s)
		}
	})
}

func FuzzContentRange(f *testing.F) {
	f.Add("bytes 0-9/*")
	f.Add("bytes 10-19/20")
	f.Fuzz(func(t *testing.T, text string) {
		first, length, total, err := ParseContentRange(text)
		if err == nil && (first < 0 || length < 1 || first+length < 0 || total >= 0 && first+length > total) {
			t.Errorf("ParseContentRange(%q) = %d, %d, %d", text, first, length, total)
		}
	})
}

func FuzzKey(f *testing.F) {
	for _, name := range evilNames {
		f.Add(name)
	}
	f.Add("runs/1/artifacts/2.zip")
	f.Fuzz(func(t *testing.T, key string) {
		if checkKey(key) != nil {
			return
		}
		for i := range len(key) {
			if key[i] == '.' && (i == 0 || key[i-1] == '/') {
				t.Errorf("key %q has a segment that begins with a dot", key)
			}
		}
	})
}

func FuzzBlockNumber(f *testing.F) {
	f.Add(blockID(12))
	f.Add(base64.StdEncoding.EncodeToString([]byte("-00001")))
	f.Fuzz(func(t *testing.T, id string) {
		if n, ok := blockNumber(id); ok && n < 0 {
			t.Errorf("blockNumber(%q) = %d", id, n)
		}
	})
}
