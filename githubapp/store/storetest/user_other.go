//go:build !unix

package storetest

import "os/exec"

func giveAway(string) error { return nil }

func asOther(cmd *exec.Cmd, dir string) { cmd.Dir = dir }
