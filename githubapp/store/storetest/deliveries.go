package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
)

func delivery(id string) store.Delivery {
	return store.Delivery{ID: store.DeliveryID(id), Event: "push", Headers: map[string]string{"X-GitHub-Hook-ID": "7"}, Body: []byte(`{"ref":"a` + id + `"}`)}
}

func (t *suite) add(ids ...string) []store.Added {
	t.Helper()
	var all []store.Delivery
	for _, id := range ids {
		all = append(all, delivery(id))
	}
	added, err := t.s.AddDeliveries(t.Context(), all)
	t.ok(err)
	return added
}

func (t *suite) claim(n int) []store.Delivery {
	t.Helper()
	got, err := t.s.ClaimDeliveries(t.Context(), n, time.Minute)
	t.ok(err)
	return got
}

func ids(all []store.Delivery) string {
	var out []string
	for _, d := range all {
		out = append(out, string(d.ID))
	}
	return strings.Join(out, " ")
}

func deliveriesLedger(t *suite) {
	t.equal("added", t.add("a", "b", "a"), []store.Added{store.New, store.New, store.Duplicate})
	t.equal("again", t.add("b", "c"), []store.Added{store.Duplicate, store.New})

	d, err := t.s.Delivery(t.Context(), "b")
	t.ok(err)
	t.equal("stored", *d, store.Delivery{ID: "b", Event: "push", Headers: map[string]string{"X-GitHub-Hook-ID": "7"}, Body: []byte(`{"ref":"ab"}`),
		Received: t.clock.now(), Fate: store.Pending})
	if _, err := t.s.Delivery(t.Context(), "none"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v for an unknown delivery", err)
	}

	// Bytes come back as they came, whatever they are.
	odd := delivery("odd")
	odd.Body, odd.Event, odd.Headers = []byte("\x00\xff{\r\n"), "push\x00", map[string]string{"User-Agent": "a\"b\xff"}
	odd.Fate, odd.Reason = store.Ignored, "unknown \x00 event"
	_, err = t.s.AddDeliveries(t.Context(), []store.Delivery{odd})
	t.ok(err)
	d, err = t.s.Delivery(t.Context(), "odd")
	t.ok(err)
	t.equal("odd body", string(d.Body), string(odd.Body))
	t.equal("odd fate", []any{d.Fate, d.Reason, d.Settled}, []any{store.Ignored, "unknown \uFFFD event", t.clock.now()})

	// What was not claimed and settled stays: an ignored one sent again is a duplicate.
	t.equal("ignored again", t.add("odd"), []store.Added{store.Duplicate})
	for _, bad := range []string{"", "a\x00b", strings.Repeat("x", 5000)} {
		if _, err := t.s.AddDeliveries(t.Context(), []store.Delivery{delivery("good"), delivery(bad)}); err == nil {
			t.Errorf("a delivery with id %.20q was stored", bad)
		}
	}
	if _, err := t.s.Delivery(t.Context(), "good"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("half a batch was stored: %v", err)
	}
	// More than one statement's worth.
	var many []string
	for i := range 350 {
		many = append(many, fmt.Sprint("m", i))
	}
	if added := t.add(many...); slices.ContainsFunc(added, func(a store.Added) bool { return a != store.New }) {
		t.Errorf("a batch of 350: %v", added)
	}
}

func deliveriesClaims(t *suite) {
	t.add("a")
	t.clock.add(time.Second)
	t.add("b")
	first := t.claim(5)
	t.equal("claimed", ids(first), "a b")
	t.equal("attempts", first[0].Attempts, 1)
	t.equal("body", string(first[0].Body), `{"ref":"aa"}`)
	t.equal("claimed twice", ids(t.claim(5)), "")

	t.clock.add(2 * time.Minute) // the claims have run out
	again := t.claim(1)
	t.equal("came back", ids(again), "a")
	t.equal("attempts", again[0].Attempts, 2)
	stale := store.Settlement{Delivery: "a", Attempt: 1, Fate: store.Planned}
	if err := t.s.Settle(t.Context(), stale); !errors.Is(err, store.ErrLeaseLost) {
		t.Errorf("settled with a stale claim: %v", err)
	}
	t.ok(t.s.Settle(t.Context(), store.Settlement{Delivery: "a", Attempt: 2, Fate: store.Failed, Reason: "no"}))
	if err := t.s.Settle(t.Context(), store.Settlement{Delivery: "a", Attempt: 2, Fate: store.Planned}); !errors.Is(err, store.ErrLeaseLost) {
		t.Errorf("settled twice: %v", err)
	}
	if err := t.s.Settle(t.Context(), store.Settlement{Delivery: "b", Attempt: 1, Fate: "odd"}); err == nil {
		t.Error("settled with a fate that is none")
	}

	// b is tried later; a failed one is tried again when it is sent again.
	b := t.claim(1)
	t.ok(t.s.Settle(t.Context(), store.Settlement{Delivery: "b", Attempt: b[0].Attempts, Delay: time.Hour}))
	t.equal("delayed", ids(t.claim(5)), "")
	t.equal("sent again", t.add("a"), []store.Added{store.Again})
	got := t.claim(5)
	t.equal("failed one", ids(got), "a")
	t.equal("attempts", got[0].Attempts, 3)
	t.ok(t.s.Settle(t.Context(), store.Settlement{Delivery: "a", Attempt: 3, Fate: store.Planned}))
	t.equal("planned sent again", t.add("a"), []store.Added{store.Duplicate})
	t.clock.add(time.Hour)
	t.equal("after the delay", ids(t.claim(5)), "b")
}

func deliveriesPrune(t *suite) {
	t.add("old", "open")
	for _, d := range t.claim(1) {
		t.ok(t.s.Settle(t.Context(), store.Settlement{Delivery: d.ID, Attempt: 1, Fate: store.Planned}))
	}
	t.clock.add(time.Hour)
	t.add("new")
	list := func(f store.DeliveryFilter) string {
		t.Helper()
		all, err := t.s.ListDeliveries(t.Context(), f)
		t.ok(err)
		for _, d := range all {
			if d.Body != nil {
				t.Errorf("the list holds the bytes of %q", d.ID)
			}
		}
		return ids(all)
	}
	t.equal("all", list(store.DeliveryFilter{}), "new old open")
	t.equal("limit", list(store.DeliveryFilter{Limit: 1}), "new")
	t.equal("before", list(store.DeliveryFilter{Before: t.clock.now()}), "old open")
	t.equal("since", list(store.DeliveryFilter{Since: t.clock.now()}), "new")
	t.equal("pending", list(store.DeliveryFilter{Fate: store.Pending}), "new open")
	t.equal("event", list(store.DeliveryFilter{Event: "issues"}), "")

	t.ok(t.s.PruneDeliveries(t.Context(), t.clock.now(), t.clock.now().Add(-2*time.Hour)))
	d, err := t.s.Delivery(t.Context(), "old")
	t.ok(err)
	t.equal("pruned body", d.Body == nil, true)
	t.equal("still known", t.add("old"), []store.Added{store.Duplicate})
	d, err = t.s.Delivery(t.Context(), "open")
	t.ok(err)
	t.equal("pending body", string(d.Body), `{"ref":"aopen"}`)
	t.ok(t.s.PruneDeliveries(t.Context(), t.clock.now(), t.clock.now()))
	t.equal("left", list(store.DeliveryFilter{}), "new open")
}

func deliveriesRace(t *suite) {
	servers := []store.Store{t.s, t.second()}
	const n = 60
	var mu sync.Mutex
	fresh := map[store.DeliveryID]int{}
	claims := map[store.DeliveryID]int{}
	together(8, func(i int) {
		// Overlapping batches in different orders.
		var batch []store.Delivery
		for k := range n {
			batch = append(batch, delivery(fmt.Sprint("d", (k*(2*i+1)+i)%n)))
		}
		added, err := servers[i%2].AddDeliveries(t.Context(), batch)
		if err != nil {
			t.Error(err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for k, a := range added {
			if a == store.New {
				fresh[batch[k].ID]++
			}
		}
	})
	together(8, func(i int) {
		for {
			got, err := servers[i%2].ClaimDeliveries(t.Context(), 3, time.Hour)
			if err != nil {
				t.Error(err)
			}
			if len(got) == 0 {
				return
			}
			mu.Lock()
			for _, d := range got {
				claims[d.ID]++
			}
			mu.Unlock()
		}
	})
	// A claimer may have seen the last rows locked; what is left is still there.
	for _, d := range t.claim(n) {
		claims[d.ID]++
	}
	for i := range n {
		id := store.DeliveryID(fmt.Sprint("d", i))
		if fresh[id] != 1 || claims[id] != 1 {
			t.Errorf("delivery %q was new %d times and claimed %d times, want once", id, fresh[id], claims[id])
		}
	}
}
