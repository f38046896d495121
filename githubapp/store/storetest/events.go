package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/drydock-ci/drydock/githubapp/store"
)

func lines(from, to int) [][]byte {
	var out [][]byte
	for i := from; i <= to; i++ {
		out = append(out, []byte(fmt.Sprint("line ", i, "\x00\xff")))
	}
	return out
}

func eventsSequence(t *suite) {
	a, b := store.Stream{Run: 1, Attempt: 1, Job: "a"}, store.Stream{Run: 1, Attempt: 1}
	add := func(s store.Stream, after store.Sequence, data [][]byte) (store.Sequence, error) {
		return t.s.AppendEvents(t.Context(), s, after, data)
	}
	last, err := add(a, 0, lines(1, 450))
	t.ok(err)
	t.equal("last", last, 450)
	last, err = add(a, 450, lines(451, 452))
	t.ok(err)
	t.equal("last", last, 452)
	_, err = add(b, 0, [][]byte{nil})
	t.ok(err)

	// The answer was lost, the writer says it again.
	last, err = add(a, 450, lines(451, 452))
	t.ok(err)
	t.equal("last", last, 452)
	for name, err := range map[string]error{
		"a gap":        second(add(a, 453, lines(1, 1))),
		"other events": second(add(a, 450, lines(1, 2))),
		"half known":   second(add(a, 451, lines(452, 453))),
		"too early":    second(add(a, 0, lines(2, 2))),
	} {
		if !errors.Is(err, store.ErrSequence) {
			t.Errorf("%s: %v", name, err)
		}
	}
	last, err = t.s.LastEvent(t.Context(), a)
	t.ok(err)
	t.equal("last", last, 452)
	last, err = t.s.LastEvent(t.Context(), store.Stream{Run: 1, Attempt: 2, Job: "a"})
	t.ok(err)
	t.equal("last of nothing", last, 0)

	page, err := t.s.EventsSince(t.Context(), a, 449, 2)
	t.ok(err)
	t.equal("page", []any{len(page), page[0].Sequence, page[1].Sequence, page[0].At, bytes.Equal(page[1].Data, lines(451, 451)[0])}, []any{2, 450, 451, t.clock.now(), true})
	page, err = t.s.EventsSince(t.Context(), a, 452, 2)
	t.ok(err)
	t.equal("after the last", len(page), 0)
}

func second(_ store.Sequence, err error) error { return err }

func eventsRace(t *suite) {
	servers := []store.Store{t.s, t.second()}
	var won atomic.Int32
	stream := store.Stream{Run: 1, Attempt: 1, Job: "a"}
	together(6, func(i int) {
		_, err := servers[i%2].AppendEvents(t.Context(), stream, 0, [][]byte{[]byte(fmt.Sprint("writer ", i))})
		switch {
		case err == nil:
			won.Add(1)
		case !errors.Is(err, store.ErrSequence):
			t.Error(err)
		}
	})
	t.equal("writers", won.Load(), 1)
}

func secretScopes(t *suite) {
	org := store.Scope{Level: store.Organization, ID: 1}
	repo := store.Scope{Level: store.Repository, ID: 1}
	env := store.Scope{Level: store.Environment, ID: 1, Environment: "Prod"}
	put := func(kind store.SecretKind, s store.Scope, name, sealed string) error {
		return t.s.PutSecret(t.Context(), store.SealedValue{Kind: kind, Scope: s, Name: name, Sealed: []byte(sealed), By: store.Actor{ID: 4, Login: "mona"}})
	}
	t.ok(put(store.Secret, org, "token", "org\x00"))
	t.ok(put(store.Secret, repo, "TOKEN", "old"))
	t.clock.add(1e9)
	t.ok(put(store.Secret, repo, "Token", "repo"))
	t.ok(put(store.Secret, env, "token", "env"))
	t.ok(put(store.Secret, org, "A1", "a"))
	t.ok(put(store.Variable, repo, "token", "var"))
	read := func(kind store.SecretKind, scopes ...store.Scope) string {
		t.Helper()
		all, err := t.s.SecretsFor(t.Context(), kind, scopes)
		t.ok(err)
		out := ""
		for _, v := range all {
			out += fmt.Sprintf("%s %s %q;", v.Scope.Level, v.Name, v.Sealed)
		}
		return out
	}
	t.equal("secrets", read(store.Secret, org, repo, store.Scope{Level: store.Environment, ID: 1, Environment: "PROD"}),
		`organization A1 "a";organization TOKEN "org\x00";repository TOKEN "repo";environment TOKEN "env";`)
	t.equal("variables", read(store.Variable, org, repo), `repository TOKEN "var";`)
	t.equal("another repository", read(store.Secret, store.Scope{Level: store.Repository, ID: 2}, store.Scope{Level: store.Environment, ID: 2, Environment: "prod"}), "")
	t.equal("another environment", read(store.Secret, store.Scope{Level: store.Environment, ID: 1, Environment: "stage"}), "")

	names, err := t.s.SecretNames(t.Context(), store.Secret, repo)
	t.ok(err)
	t.equal("names", names, []store.SealedValue{{Kind: store.Secret, Scope: repo, Name: "TOKEN", Updated: t.clock.now(), By: store.Actor{ID: 4, Login: "mona"}}})

	t.ok(t.s.DeleteSecret(t.Context(), store.Secret, repo, "token"))
	if err := t.s.DeleteSecret(t.Context(), store.Secret, repo, "token"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	t.equal("after deleting", read(store.Secret, repo), "")
	for name, err := range map[string]error{
		"no owner":         put(store.Secret, store.Scope{Level: store.Repository}, "a", "x"),
		"no level":         put(store.Secret, store.Scope{ID: 1}, "a", "x"),
		"no environment":   put(store.Secret, store.Scope{Level: store.Environment, ID: 1}, "a", "x"),
		"odd environment":  put(store.Secret, store.Scope{Level: store.Repository, ID: 1, Environment: "e"}, "a", "x"),
		"nul environment":  put(store.Secret, store.Scope{Level: store.Environment, ID: 1, Environment: "e\x00"}, "a", "x"),
		"no kind":          put("", org, "a", "x"),
		"no bytes":         put(store.Secret, org, "a", ""),
		"no name":          put(store.Secret, org, "", "x"),
		"digit first":      put(store.Secret, org, "1a", "x"),
		"GitHub's prefix":  put(store.Secret, org, "github_token", "x"),
		"name with a dash": put(store.Secret, org, "a-b", "x"),
	} {
		if err == nil {
			t.Errorf("%s: it was stored", name)
		}
	}
}

func valuesSwap(t *suite) {
	v, err := t.s.Value(t.Context(), "a")
	t.ok(err)
	t.equal("none", v == nil, true)
	for i, tc := range []struct {
		old, new []byte
		conflict bool
	}{
		{[]byte("x"), []byte("y"), true},
		{nil, nil, false},
		{nil, []byte{}, false},
		{nil, []byte("1"), true},
		{[]byte{}, []byte("1\x00\xff"), false},
		{[]byte("1"), []byte("2"), true},
		{[]byte("1\x00\xff"), []byte("2"), false},
		{[]byte("1"), nil, true},
		{nil, nil, true},
		{[]byte("2"), []byte("2"), false},
	} {
		err := t.s.SwapValue(t.Context(), "a", tc.old, tc.new)
		if tc.conflict != errors.Is(err, store.ErrConflict) || !tc.conflict && err != nil {
			t.Errorf("swap %d: %v", i, err)
		}
	}
	t.ok(t.s.SwapValue(t.Context(), "a%b", nil, []byte("3")))
	all, err := t.s.ListValues(t.Context(), "a")
	t.ok(err)
	t.equal("all", all, map[string][]byte{"a": []byte("2"), "a%b": []byte("3")})
	all, err = t.s.ListValues(t.Context(), "a%")
	t.ok(err)
	t.equal("prefix is no pattern", all, map[string][]byte{"a%b": []byte("3")})
	t.ok(t.s.SwapValue(t.Context(), "a", []byte("2"), nil))
	v, err = t.s.Value(t.Context(), "a")
	t.ok(err)
	t.equal("deleted", v == nil, true)
	if err := t.s.SwapValue(t.Context(), "a\x00", nil, []byte("x")); err == nil {
		t.Error("a name with a zero character was stored")
	}
}

func valuesRace(t *suite) {
	servers := []store.Store{t.s, t.second()}
	var won atomic.Int32
	for range 5 { // five ticks of a schedule, seen by six servers each
		old, err := t.s.Value(t.Context(), "tick")
		t.ok(err)
		together(6, func(i int) {
			err := servers[i%2].SwapValue(t.Context(), "tick", old, append([]byte("x"), old...))
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, store.ErrConflict):
				t.Error(err)
			}
		})
	}
	t.equal("winners", won.Load(), 5)
}
