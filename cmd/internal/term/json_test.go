package term

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/runner"
)

// reference is the same line by encoding/json.
func reference(t testing.TB, e runner.Event) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		t.Fatal(err)
	}
	return `{"type":"` + e.Type() + `",` + b.String()[1:]
}

// TestJSONFields holds every event against its tags: the type stands first,
// then the fields, embedded ones flattened.
func TestJSONFields(t *testing.T) {
	for _, e := range append(recording(),
		runner.Line{}, runner.Line{Time: time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600)), Text: "<&>\u2028"},
	) {
		var out bytes.Buffer
		r := New(Options{Out: &out, JSON: true})
		r.Emit(e)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if got, want := out.String(), reference(t, e); got != want {
			t.Errorf("%T:\n%s want:\n%s", e, got, want)
		}
	}
}

// TestJSONTypes shows that no two events have one type.
func TestJSONTypes(t *testing.T) {
	seen := map[string]reflect.Type{}
	for _, e := range recording() {
		if old := seen[e.Type()]; old != nil && old != reflect.TypeOf(e) {
			t.Errorf("%s is %v and %T", e.Type(), old, e)
		}
		seen[e.Type()] = reflect.TypeOf(e)
	}
	if len(seen) != 10 {
		t.Errorf("the recording has %d of 10 events", len(seen))
	}
}
