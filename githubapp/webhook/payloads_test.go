package webhook_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/webhook"
)

// TestPayloads delivers GitHub's own examples and finds each byte in the store.
func TestPayloads(t *testing.T) {
	shared := os.Getenv("DRYDOCK_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	files, err := filepath.Glob(filepath.Join(shared, "suites", "webhook-payloads", "*", "*.payload.json"))
	if err != nil || len(files) == 0 {
		t.Skip("no payload examples: set DRYDOCK_SHARED")
	}
	s := open(t)
	address, _ := serve(t, webhook.Options{Deliveries: s})
	pending := 0
	for i, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		event := filepath.Base(filepath.Dir(file))
		id := string(rune('a'+i%26)) + "-" + string(rune('a'+i/26))
		if status, text, _ := do(t, request(t, address, id, event, body)); status/100 != 2 {
			t.Errorf("%s: %d %s", file, status, text)
			continue
		}
		d, err := s.Delivery(t.Context(), store.DeliveryID(id))
		if err != nil || !bytes.Equal(d.Body, body) || d.Event != event {
			t.Errorf("%s: stored as %d bytes of %q (%v)", file, len(d.Body), d.Event, err)
			continue
		}
		if d.Fate == store.Pending {
			pending++
		}
	}
	if pending < len(files)/2 {
		t.Errorf("only %d of %d examples are to be planned", pending, len(files))
	}
}
