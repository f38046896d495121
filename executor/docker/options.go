package docker

import (
	"time"

	"github.com/docker/docker/api/types/container"

	syntax "github.com/drydock-ci/drydock/executor/option"
)

// option is one row of the allow-list. A row without apply is accepted and has
// no effect.
type option struct {
	isSwitch bool
	apply    func(s *settings, value string, r role, p Policy) error
}

// optionSyntax is how the options of `docker create` are written.
var optionSyntax = syntax.Table{
	Short: shortOptions,
	Known: func(name string) (isSwitch, known bool) {
		o, known := optionTable[name]
		return o.isSwitch, known
	},
}

var shortOptions = map[string]string{
	"c": "cpu-shares", "m": "memory", "e": "env", "l": "label", "h": "hostname", "u": "user", "w": "workdir",
	"v": "volume", "p": "publish", "P": "publish-all", "t": "tty", "i": "interactive", "a": "attach", "d": "detach",
}

// optionTable is filled once, below, since reading flags needs it too.
var optionTable map[string]option

func init() {
	optionTable = map[string]option{
		"cpus":               {apply: setCPUs},
		"cpu-shares":         number(func(s *settings) *int64 { return &s.host.CPUShares }),
		"cpu-period":         number(func(s *settings) *int64 { return &s.host.CPUPeriod }),
		"cpu-quota":          number(func(s *settings) *int64 { return &s.host.CPUQuota }),
		"cpuset-cpus":        text(func(s *settings) *string { return &s.host.CpusetCpus }),
		"cpuset-mems":        text(func(s *settings) *string { return &s.host.CpusetMems }),
		"memory":             size(func(s *settings) *int64 { return &s.host.Memory }),
		"memory-swap":        size(func(s *settings) *int64 { return &s.host.MemorySwap }),
		"memory-reservation": size(func(s *settings) *int64 { return &s.host.MemoryReservation }),
		"shm-size":           size(func(s *settings) *int64 { return &s.host.ShmSize }),
		"memory-swappiness":  {apply: setSwappiness},
		"pids-limit":         {apply: setPids},
		"ulimit":             {apply: addUlimit},

		"env":           {apply: addEnv},
		"env-file":      refused("it would read a file of this machine: use env:"),
		"label":         {apply: addLabel},
		"label-file":    refused("it would read a file of this machine: use --label"),
		"hostname":      text(func(s *settings) *string { return &s.config.Hostname }),
		"domainname":    text(func(s *settings) *string { return &s.config.Domainname }),
		"name":          {apply: setName},
		"user":          {apply: setUser},
		"workdir":       {apply: setWorkdir},
		"entrypoint":    {apply: setEntrypoint},
		"network":       {apply: setNetwork},
		"net":           {apply: setNetwork},
		"network-alias": {apply: addAlias},
		"net-alias":     {apply: addAlias},
		"dns":           {apply: addDNS},
		"dns-search":    list(func(s *settings) *[]string { return &s.host.DNSSearch }),
		"dns-option":    list(func(s *settings) *[]string { return &s.host.DNSOptions }),
		"add-host":      {apply: addHost},
		"publish":       {apply: addPort},
		"expose":        {apply: checkPort},
		"publish-all":   {isSwitch: true},
		"volume":        {apply: addVolume},
		"mount":         {apply: addMount},
		"tmpfs":         {apply: addTmpfs},
		"read-only":     boolean(func(s *settings) *bool { return &s.host.ReadonlyRootfs }),
		"tty":           {isSwitch: true},
		"interactive":   {isSwitch: true},
		"attach":        {},
		"detach":        {isSwitch: true},
		"rm":            {isSwitch: true},
		"restart":       {},
		"init":          {isSwitch: true, apply: setInit},
		"stop-signal":   text(func(s *settings) *string { return &s.config.StopSignal }),
		"stop-timeout":  {apply: setStopTimeout},
		"platform":      text(func(s *settings) *string { return &s.platform }),
		"pull":          {apply: setPull},
		"quiet":         {isSwitch: true},
		"log-driver":    {},
		"log-opt":       {},

		"health-cmd":            {apply: setHealthCmd},
		"health-interval":       span(func(h *container.HealthConfig) *time.Duration { return &h.Interval }),
		"health-timeout":        span(func(h *container.HealthConfig) *time.Duration { return &h.Timeout }),
		"health-start-period":   span(func(h *container.HealthConfig) *time.Duration { return &h.StartPeriod }),
		"health-start-interval": span(func(h *container.HealthConfig) *time.Duration { return &h.StartInterval }),
		"health-retries":        {apply: setRetries},
		"no-healthcheck":        {isSwitch: true, apply: noHealth},

		"cap-drop":     list(func(s *settings) *[]string { return (*[]string)(&s.host.CapDrop) }),
		"cap-add":      {apply: addCap},
		"security-opt": {apply: addSecurityOpt},
		"sysctl":       {apply: addSysctl},
		"privileged":   {isSwitch: true, apply: setPrivileged},
		"group-add":    {apply: addGroup},
		"device":       {apply: addDevice},
		"gpus":         {apply: addGPUs},
		"pid":          namespace(func(s *settings, v string) { s.host.PidMode = container.PidMode(v) }),
		"ipc":          namespace(func(s *settings, v string) { s.host.IpcMode = container.IpcMode(v) }),
		"uts":          namespace(func(s *settings, v string) { s.host.UTSMode = container.UTSMode(v) }),
		"userns":       namespace(func(s *settings, v string) { s.host.UsernsMode = container.UsernsMode(v) }),
		"cgroupns":     namespace(func(s *settings, v string) { s.host.CgroupnsMode = container.CgroupnsMode(v) }),
	}
	// Known to docker, dangerous or meaningless here: named so that the error
	// can say more than "not supported".
	for _, name := range []string{
		"cgroup-parent", "device-cgroup-rule", "volumes-from", "volume-driver", "runtime", "oom-kill-disable",
		"oom-score-adj", "storage-opt", "cidfile", "link", "ip", "ip6", "mac-address", "isolation", "annotation",
		"blkio-weight", "device-read-bps", "device-write-bps", "cpu-rt-period", "cpu-rt-runtime", "link-local-ip",
	} {
		o := refused("no setting allows it")
		o.isSwitch = name == "oom-kill-disable"
		optionTable[name] = o
	}
}
