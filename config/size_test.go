package config

import "testing"

func TestSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "12": 12, "12B": 12, "5GB": 5e9, "1.5 GiB": 3 << 29, "500mb": 5e8, " 2 KiB ": 2048, "1TB": 1e12,
	} {
		if got, err := Size(text); err != nil || got != want {
			t.Errorf("Size(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "GB", "-1", "5 G", "NaN", "1e300", "five", "Inf"} {
		if got, err := Size(text); err == nil {
			t.Errorf("Size(%q) = %d", text, got)
		}
	}
}
