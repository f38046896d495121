package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

var sizes = []struct {
	unit  string
	bytes float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

// Size reads a number of bytes as people write it: 500MB, 1.5 GiB, 0.
func Size(text string) (int64, error) {
	number, factor := strings.TrimSpace(text), 1.0
	for _, s := range sizes {
		if len(number) > len(s.unit) && strings.EqualFold(number[len(number)-len(s.unit):], s.unit) {
			number, factor = strings.TrimSpace(number[:len(number)-len(s.unit)]), s.bytes
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || n < 0 || math.IsNaN(n) || n*factor >= math.MaxInt64 {
		return 0, fmt.Errorf("%q is no size: give a number with a unit, as in 500MB or 5GB", text)
	}
	return int64(n * factor), nil
}
