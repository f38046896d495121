package livetest

import "testing"

// TestKubeServe: as TestServe, with jobs as pods.
func TestKubeServe(t *testing.T) {
	s := serve(t, newKubeWorld(t), "DRYDOCK_PLATFORMS=ubuntu-latest="+bash, "DRYDOCK_SERVICES_RUN_STEPS=true")
	s.pushAndLook()
}

// TestKubeServeKilled: as TestServeKilled, with jobs as pods.
func TestKubeServeKilled(t *testing.T) {
	s := serve(t, newKubeWorld(t), "DRYDOCK_PLATFORMS=ubuntu-latest="+bash)
	s.killInMidStep()
}
