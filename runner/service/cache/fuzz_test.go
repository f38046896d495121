package cache

import "testing"

func FuzzFields(f *testing.F) {
	f.Add([]byte(`{"key":"k","version":"v","cacheSize":1}`))
	f.Add([]byte(`{"key":null,"restore_keys":["a"],"size_bytes":"12"}`))
	f.Add([]byte(`{"size_bytes":1e3,"key":"\ud800"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		parsed, err := parseFields(text)
		if err != nil {
			if !isKind(err, invalidArgument) {
				t.Errorf("another error: %v", err)
			}
			return
		}
		for _, name := range []string{"size", "cache_size", "size_bytes"} {
			if n, err := parsed.number(name); err == nil && n < -1 {
				t.Errorf("%s = %d", name, n)
			}
		}
		key, version, err := parsed.keyAndVersion()
		if err != nil || checkKey(key) != nil || checkVersion(version) != nil {
			return
		}
		id := identity{"o/r", "refs/heads/main", version, key}
		if id.number() <= 0 || id.number() >= 1<<53 {
			t.Errorf("number %d", id.number())
		}
		parsed.texts("restore_keys")
	})
}

func FuzzEntry(f *testing.F) {
	f.Add("index/a/b/c.json", []byte(`{"repository":"o/r","scope":"s","key":"k","version":"v","blob":"blobs/x/y"}`))
	f.Fuzz(func(t *testing.T, key string, text []byte) {
		e, err := parseEntry(key, text)
		if err == nil && e.identity().indexKey() != key {
			t.Errorf("parseEntry(%q) took an entry of %q", key, e.identity().indexKey())
		}
	})
}
