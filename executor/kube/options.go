package kube

import "time"

// row is one option of the table of what workflows may write. A row without
// apply is accepted and has no effect.
type row struct {
	isSwitch bool
	apply    func(s *settings, value string, r role) error
}

// optionTable is filled once, below, since reading flags needs it too.
var optionTable map[string]row

const (
	hintPrivileged = "a pod of drydock never has more rights than the Pod Security level baseline: run the job with another back end"
	hintOperator   = "the operator sets it for all jobs of a label"
)

func init() {
	optionTable = map[string]row{
		"cpus":               {apply: setCPUs},
		"memory":             {apply: setMemory},
		"memory-reservation": {apply: setReservation},
		"shm-size":           {apply: setShm},
		"cpu-shares":         {},
		"memory-swap":        {},
		"memory-swappiness":  {},

		"env":           {apply: addEnv},
		"env-file":      refused("it would read a file of this machine: use env:"),
		"label":         {},
		"label-file":    refused("it would read a file of this machine"),
		"hostname":      {apply: setHostname},
		"domainname":    {},
		"name":          {apply: addAlias},
		"user":          {apply: setUser},
		"workdir":       {apply: setWorkdir},
		"entrypoint":    {apply: setEntrypoint},
		"network":       refused("a pod has one network: remove the option"),
		"net":           refused("a pod has one network: remove the option"),
		"network-alias": {apply: addAlias},
		"net-alias":     {apply: addAlias},
		"add-host":      {apply: addHost},
		"publish":       {apply: addPort},
		"expose":        {apply: checkPort},
		"publish-all":   {isSwitch: true},
		"volume":        {apply: addVolume},
		"mount":         {apply: addMount},
		"tmpfs":         {apply: addTmpfs},
		"read-only":     {isSwitch: true, apply: setReadOnly},
		"tty":           {isSwitch: true},
		"interactive":   {isSwitch: true},
		"attach":        {},
		"detach":        {isSwitch: true},
		"rm":            {isSwitch: true},
		"restart":       {},
		"init":          {isSwitch: true},
		"stop-signal":   {},
		"stop-timeout":  {},
		"platform":      {apply: setPlatform},
		"pull":          {apply: setPull},
		"quiet":         {isSwitch: true},
		"log-driver":    {},
		"log-opt":       {},

		"health-cmd":            {apply: setHealthCmd},
		"health-interval":       span(func(h *health) *time.Duration { return &h.interval }),
		"health-timeout":        span(func(h *health) *time.Duration { return &h.timeout }),
		"health-start-period":   span(func(h *health) *time.Duration { return &h.startPeriod }),
		"health-start-interval": span(func(h *health) *time.Duration { return &h.startInterval }),
		"health-retries":        {apply: setRetries},
		"no-healthcheck":        {isSwitch: true, apply: noHealth},

		"cap-drop":     {apply: dropCap},
		"cap-add":      {apply: addCap},
		"security-opt": {apply: addSecurityOpt},
		"privileged":   {isSwitch: true, apply: setPrivileged},
	}
	// Known to docker, refused here; what would be the way is said if there is one.
	for hint, names := range map[string][]string{
		hintPrivileged: {
			"device", "device-cgroup-rule", "pid", "ipc", "uts", "userns", "cgroupns", "cgroup-parent", "volumes-from", "group-add",
		},
		hintOperator: {"gpus", "runtime", "sysctl", "dns", "dns-search", "dns-option", "annotation"},
		"Kubernetes has no such setting for one container": {
			"ulimit", "pids-limit", "cpu-period", "cpu-quota", "cpuset-cpus", "cpuset-mems", "volume-driver", "oom-score-adj",
			"storage-opt", "cidfile", "link", "ip", "ip6", "mac-address", "isolation", "blkio-weight", "device-read-bps",
			"device-write-bps", "cpu-rt-period", "cpu-rt-runtime", "link-local-ip",
		},
	} {
		for _, name := range names {
			optionTable[name] = refused(hint)
		}
	}
	o := refused("no setting allows it")
	o.isSwitch = true
	optionTable["oom-kill-disable"] = o
}
