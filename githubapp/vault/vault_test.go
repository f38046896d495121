package vault

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/store/sqlite"
)

func keys(t *testing.T, texts ...string) Keys {
	t.Helper()
	k, err := ParseKeys(strings.Join(texts, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func open(t *testing.T) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSeal(t *testing.T) {
	first, second := NewKey(), NewKey()
	old, both, other := keys(t, first), keys(t, "# rotated", second, "", first), keys(t, second)
	sealed, err := old.Seal("a", []byte("plain"))
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := old.Seal("a", []byte("plain")); bytes.Equal(again, sealed) || bytes.Contains(sealed, []byte("plain")) {
		t.Error("equal texts look equal, or can be read")
	}
	for _, k := range []Keys{old, both} {
		if plain, err := k.Open("a", sealed); err != nil || string(plain) != "plain" {
			t.Errorf("%q, %v", plain, err)
		}
	}
	if _, err := other.Open("a", sealed); !errors.Is(err, ErrNoKey) {
		t.Errorf("another key: %v", err)
	}
	if _, err := both.Open("b", sealed); !errors.Is(err, ErrForged) {
		t.Errorf("another purpose: %v", err)
	}
	newer, err := both.Seal("a", nil)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := other.Open("a", newer); err != nil || len(plain) != 0 {
		t.Errorf("the newest key does not seal: %q, %v", plain, err)
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if plain, err := old.Open("a", changed); err == nil {
			t.Errorf("byte %d changed: opened %q", i, plain)
		}
		if _, err := old.Open("a", sealed[:i]); err == nil {
			t.Errorf("opened the first %d bytes", i)
		}
	}
}

func TestParseKeys(t *testing.T) {
	for _, text := range []string{"", "# none", "c2hvcnQ=", "not base64 hunter2", NewKey() + "\nhunter2"} {
		if _, err := ParseKeys(text); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
	k := keys(t, NewKey())
	if text := fmt.Sprintf("%v %+v %#v", k, k, k); text != "1 keys 1 keys 1 keys" {
		t.Errorf("a log shows %s", text)
	}
}

func TestMakeKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "vault.key")
	first, err := MakeKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := MakeKeys(path)
	if err != nil || first.all[0] != second.all[0] {
		t.Errorf("a second start has another key (%v)", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	for _, mode := range []os.FileMode{0o644, 0o660, 0o601} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := MakeKeys(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("a key of mode %#o: %v", mode, err)
		}
	}
}

func TestValues(t *testing.T) {
	ctx, by := t.Context(), store.Actor{ID: 1, Login: "octo"}
	s, folder := open(t), t.TempDir()
	v := New(keys(t, NewKey()), s, folder)
	org := store.Scope{Level: store.Organization, ID: 10}
	repo := store.Scope{Level: store.Repository, ID: 20}
	env := store.Scope{Level: store.Environment, ID: 20, Environment: "Prod"}
	for scope, values := range map[store.Scope]map[string]string{
		org:                               {"a": "org", "b": "org", "c": "org"},
		repo:                              {"B": "repo", "C": "repo"},
		env:                               {"C": "env"},
		{Level: store.Repository, ID: 21}: {"D": "another repository's"},
	} {
		for name, value := range values {
			if err := v.Set(ctx, store.Secret, scope, name, value, by); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := v.Set(ctx, store.Variable, repo, "V", "variable", by); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		"octo/FILE": "org file\n", "octo/A": "file", "octo/demo/A": "repo file", "octo/demo/B": "file", "octo/demo/FILE": "repo file\r\n", "octo/demo/.HIDDEN": "x", "octo/demo/not-a-name": "x", "octo/other/E": "x",
	} {
		path = filepath.Join(folder, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	owner := Owner{Organization: 10, Repository: 20, OrganizationName: "octo", RepositoryName: "demo"}
	check := func(what string, kind store.SecretKind, o Owner, want map[string]string) {
		t.Helper()
		if got, err := v.Values(ctx, kind, o); err != nil || !maps.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", what, got, err, want)
		}
	}
	check("repository", store.Secret, owner, map[string]string{"A": "repo file", "B": "repo", "C": "repo", "FILE": "repo file"})
	owner.Environment = "PROD"
	check("environment", store.Secret, owner, map[string]string{"A": "repo file", "B": "repo", "C": "env", "FILE": "repo file"})
	check("variables", store.Variable, owner, map[string]string{"V": "variable"})
	check("nobody", store.Secret, Owner{}, map[string]string{})
	check("files alone", store.Secret, Owner{OrganizationName: "octo", RepositoryName: "demo"}, map[string]string{"A": "repo file", "B": "file", "FILE": "repo file"})
	check("an account's", store.Secret, Owner{Organization: 10, OrganizationName: "octo"}, map[string]string{"A": "org", "B": "org", "C": "org", "FILE": "org file"})

	owner.RepositoryName = "../other"
	if _, err := v.Values(ctx, store.Secret, owner); err == nil {
		t.Error("a name leads out of its folder")
	}

	if names, err := v.Names(ctx, store.Secret, repo); err != nil || len(names) != 2 || names[0].Sealed != nil {
		t.Errorf("names %+v, %v", names, err)
	}
	if err := v.Delete(ctx, store.Secret, repo, "b"); err != nil {
		t.Error(err)
	}
	if err := v.Delete(ctx, store.Secret, repo, "b"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}

	// What a row of another place holds does not open here.
	rows, err := s.SecretsFor(ctx, store.Secret, []store.Scope{{Level: store.Repository, ID: 21}})
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	rows[0].Scope = repo
	if err := s.PutSecret(ctx, rows[0]); err != nil {
		t.Fatal(err)
	}
	owner.RepositoryName = "demo"
	if _, err := v.Values(ctx, store.Secret, owner); !errors.Is(err, ErrForged) {
		t.Errorf("a moved row: %v", err)
	}
}

func TestSetRefuses(t *testing.T) {
	v := New(keys(t, NewKey()), open(t), "")
	repo := store.Scope{Level: store.Repository, ID: 20}
	for name, err := range map[string]error{
		"large":    v.Set(t.Context(), store.Secret, repo, "A", strings.Repeat("x", MaxBytes+1), store.Actor{}),
		"name":     v.Set(t.Context(), store.Secret, repo, "GITHUB_A", "x", store.Actor{}),
		"scope":    v.Set(t.Context(), store.Secret, store.Scope{}, "A", "x", store.Actor{}),
		"no utf-8": v.Set(t.Context(), store.Variable, repo, "A", "\xff", store.Actor{}),
	} {
		if err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if err := v.Set(t.Context(), store.Secret, repo, "A", strings.Repeat("x", MaxBytes), store.Actor{}); err != nil {
		t.Error(err)
	}
}

// FuzzOpen: sealed bytes come from a database that others may write.
func FuzzOpen(f *testing.F) {
	k, err := ParseKeys(NewKey())
	if err != nil {
		f.Fatal(err)
	}
	good, err := k.Seal("a", []byte("plain"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if plain, err := k.Open("a", sealed); err == nil && !bytes.Equal(sealed, good) {
			t.Errorf("opened %x to %q", sealed, plain)
		}
	})
}
