package postgres_test

import (
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/githubapp/store/postgres"
	"github.com/drydock-ci/drydock/githubapp/store/storetest"
)

func TestConformance(t *testing.T) {
	cluster := storetest.Postgres(t)
	storetest.Run(t, func(t *testing.T) storetest.Opener {
		address := cluster.Database(t)
		return func(now func() time.Time) store.Store {
			s, err := postgres.Open(t.Context(), address, postgres.Options{Now: now})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	})
}

// TestStart opens a new database from several servers at the same moment.
func TestStart(t *testing.T) {
	address := storetest.Postgres(t).Database(t)
	errs := make(chan error)
	for range 5 {
		go func() {
			s, err := postgres.Open(t.Context(), address, postgres.Options{})
			if err == nil {
				err = s.Close()
			}
			errs <- err
		}()
	}
	for range 5 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func TestOpenFails(t *testing.T) {
	for name, address := range map[string]string{
		"no address":  "postgres://drydock:hunter2@[broken/db",
		"nobody home": "host=/nonexistent user=drydock password=hunter2 dbname=x",
	} {
		_, err := postgres.Open(t.Context(), address, postgres.Options{})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want an error without the password", name, err)
		}
	}
}

func BenchmarkLease(b *testing.B)      { storetest.BenchmarkLease(b, opened(b)) }
func BenchmarkDeliveries(b *testing.B) { storetest.BenchmarkDeliveries(b, opened(b)) }

func opened(b *testing.B) store.Store {
	s, err := postgres.Open(b.Context(), storetest.Postgres(b).Database(b), postgres.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}
