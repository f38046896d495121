//go:build !linux

package serve

import (
	"fmt"
	"os"
	"runtime"
)

// Main says that the helper needs Linux.
func Main([]string) int {
	fmt.Fprintf(os.Stderr, "drydock-helper: it runs on linux only, this is %s\n", runtime.GOOS)
	return 2
}
