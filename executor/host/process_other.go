//go:build !linux

package host

import "runtime"

func spawn(string, []string, []string, string) (int, error) { return 0, supported() }

func startTime(int) string { return "" }

func terminate(state) error { return nil }

func kernel() string { return runtime.GOOS }
