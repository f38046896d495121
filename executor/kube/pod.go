package kube

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drydock-ci/drydock/executor"
)

// draft is a pod before it is made.
type draft struct {
	spec     executor.Spec
	opts     *Options
	job      *settings
	services []*service
	shelf    shelf
	secret   secret

	pod      *corev1.Pod
	forwards []forward
	notes    []string
	asUser   string // whom the helper shall start processes as
}

// draft judges everything that the spec asks for before anything is made.
func (x *Executor) draft(spec executor.Spec) (*draft, error) {
	const op = "create a pod"
	if spec.Kind != executor.Machine && spec.Kind != executor.Container {
		return nil, executor.Errorf(op, executor.Invalid, "kind %q is neither machine nor container", spec.Kind)
	}
	if spec.Image.Ref == "" {
		return nil, executor.Errorf(op, executor.Invalid, "it names no image")
	}
	d := &draft{spec: spec, opts: &x.opts, shelf: shelf{named: map[string]string{}}}
	d.secret.name = newName(spec.Name)
	var err error
	if d.job, err = judge(request{
		what: "the job's container", role: roleJob, env: spec.Env,
		ports: spec.Ports, volumes: spec.Volumes, options: spec.Options,
	}); err != nil {
		return nil, err
	}
	d.opts.proxies(d.job)
	if len(d.job.ports) > 0 {
		d.notes = append(d.notes, "ports of the job's container are not published on any machine")
	}
	if d.services, err = draftServices(spec); err != nil {
		return nil, err
	}
	if d.forwards, err = assign(spec.Kind, d.services); err != nil {
		return nil, err
	}
	arch, err := d.arch()
	if err != nil {
		return nil, err
	}
	d.notes = append(d.notes, d.job.notes...)
	for _, s := range d.services {
		d.notes = append(d.notes, s.settings.notes...)
	}
	if err := d.make(arch); err != nil {
		return nil, err
	}
	return d, nil
}

// arch is the one that all images ask for; all containers of a pod share a node.
func (d *draft) arch() (string, error) {
	found := ""
	choose := func(what string, img *executor.Image, s *settings) error {
		if s.platform != "" {
			img.Platform = s.platform
		}
		if s.hasPull && img.Pull != executor.PullNever {
			img.Pull = s.pull
		}
		a, err := archOf(img.Platform)
		if err != nil {
			return executor.Errorf("read the platform of "+what, executor.Invalid, "%w", err)
		}
		if a != "" && found != "" && a != found {
			return executor.Errorf("read the platform of "+what, executor.Refused, "%q: another container of the job is for linux/%s, and a pod has one node", img.Platform, found)
		}
		if a != "" {
			found = a
		}
		return nil
	}
	if err := choose("the job's container", &d.spec.Image, d.job); err != nil {
		return "", err
	}
	for _, s := range d.services {
		if err := choose(s.what(), &s.spec.Image, s.settings); err != nil {
			return "", err
		}
	}
	return found, nil
}

// make puts the pod together.
func (d *draft) make(arch string) error {
	o := d.opts.Pod
	labels, annotations := labelsOf(d.spec.Labels)
	for k, v := range o.Labels {
		if labels[k] == "" {
			labels[k] = v
		}
	}
	for k, v := range o.Annotations {
		if annotations[k] == "" {
			annotations[k] = v
		}
	}
	annotations[annotationKind] = string(d.spec.Kind)
	annotations[annotationClass] = d.spec.Class
	services, err := json.Marshal(records(d.services))
	if err != nil {
		return err
	}
	annotations[annotationServices] = string(services)

	job, err := d.jobContainer()
	if err != nil {
		return err
	}
	no, grace := false, int64(2)
	spec := corev1.PodSpec{
		RestartPolicy:                 corev1.RestartPolicyNever,
		TerminationGracePeriodSeconds: &grace,
		AutomountServiceAccountToken:  &no,
		EnableServiceLinks:            &no,
		ServiceAccountName:            o.ServiceAccount,
		NodeSelector:                  maps.Clone(o.NodeSelector),
		PriorityClassName:             o.PriorityClass,
		Hostname:                      d.job.hostname,
		OS:                            &corev1.PodOS{Name: corev1.Linux},
		SecurityContext: &corev1.PodSecurityContext{
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{job},
	}
	if o.RuntimeClass != "" {
		spec.RuntimeClassName = &o.RuntimeClass
	}
	for _, t := range o.Tolerations {
		spec.Tolerations = append(spec.Tolerations, corev1.Toleration{
			Key: t.Key, Operator: corev1.TolerationOperator(t.Operator), Value: t.Value, Effect: corev1.TaintEffect(t.Effect),
		})
	}
	if spec.NodeSelector == nil {
		spec.NodeSelector = map[string]string{}
	}
	spec.NodeSelector[corev1.LabelOSStable] = "linux"
	if arch != "" {
		if set := spec.NodeSelector[corev1.LabelArchStable]; set != "" && set != arch {
			return executor.Errorf("place a pod", executor.Refused, "it asks for linux/%s, but its nodes are of linux/%s", arch, set)
		}
		spec.NodeSelector[corev1.LabelArchStable] = arch
	}
	spec.InitContainers = append(spec.InitContainers, d.helperContainer())
	for _, s := range d.services {
		c, err := d.serviceContainer(s)
		if err != nil {
			return err
		}
		spec.InitContainers = append(spec.InitContainers, c)
	}
	d.hosts(&spec, annotations)
	for _, name := range o.PullSecrets {
		spec.ImagePullSecrets = append(spec.ImagePullSecrets, corev1.LocalObjectReference{Name: name})
	}
	if d.secret.logins() {
		spec.ImagePullSecrets = append(spec.ImagePullSecrets, corev1.LocalObjectReference{Name: d.secret.name})
	}
	spec.Volumes = d.shelf.volumes
	d.pod = &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: d.secret.name, Labels: labels, Annotations: annotations}, Spec: spec,
	}
	return nil
}

// helperContainer copies the helper, and node where the image has it, to where
// the other containers see them.
func (d *draft) helperContainer() corev1.Container {
	d.shelf.folder("helper", false, nil)
	c := corev1.Container{
		Name: helperContainer, Image: d.opts.HelperImage, ImagePullPolicy: corev1.PullIfNotPresent,
		Command:      []string{"/drydock-helper", "install", helperDir},
		VolumeMounts: []corev1.VolumeMount{{Name: "helper", MountPath: helperDir}},
	}
	if d.provided() {
		d.shelf.folder("externals", false, nil)
		c.Command = append(c.Command, d.opts.Externals, "/externals-volume")
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "externals", MountPath: "/externals-volume"})
	}
	yes, no, nobody := true, false, int64(65532)
	c.SecurityContext = &corev1.SecurityContext{
		RunAsNonRoot: &yes, RunAsUser: &nobody, AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes,
		Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
	return c
}

// provided tells whether node is where the spec wants it.
func (d *draft) provided() bool { return d.opts.Externals != "" && len(d.spec.Provide) == 1 }

func (d *draft) jobContainer() (corev1.Container, error) {
	paths := pathsOf(d.spec.Kind, "")
	c := corev1.Container{
		Name: jobContainer, Image: d.spec.Image.Ref, ImagePullPolicy: pullPolicy(d.spec.Image.Pull),
		WorkingDir: "/",
		Command: []string{
			helperTarget, "serve", "--socket", socketOf(jobContainer), "--linger", strconv.Itoa(d.linger()),
		},
		Env: d.opts.trust(d.secret.hide(d.job.env), paths.Work),
	}
	d.secret.login(d.spec.Image)
	d.shelf.folder("work", false, nil)
	d.shelf.folder("run", false, nil)
	c.VolumeMounts = append(ownMounts(), corev1.VolumeMount{Name: "work", MountPath: paths.Work})
	if d.spec.Kind == executor.Container {
		// Folders at the top of an image can be made by root only, so they are
		// volumes.
		d.shelf.folder("tools", false, nil)
		d.shelf.folder("github", false, nil)
		c.VolumeMounts = append(c.VolumeMounts,
			corev1.VolumeMount{Name: "tools", MountPath: "/__t"}, corev1.VolumeMount{Name: "github", MountPath: githubDir})
		c.Env = append(c.Env, corev1.EnvVar{Name: "HOME", Value: paths.Home})
	}
	d.shelf.folder("actions", false, nil) // volumes cannot be added later
	if d.provided() {
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "externals", MountPath: d.spec.Provide[0].Target, ReadOnly: true})
	}
	var err error
	if c.SecurityContext, err = d.security("the job's container", d.job, roleJob); err != nil {
		return c, err
	}
	if d.asUser != "" {
		c.Command = append(c.Command, "--user", literal([]string{d.asUser})[0])
	}
	c.Resources, err = d.resources()
	d.finish(&c, d.job)
	return c, err
}

// ownMounts are what every container with a helper has.
func ownMounts() []corev1.VolumeMount {
	return []corev1.VolumeMount{
		{Name: "helper", MountPath: helperDir, ReadOnly: true}, {Name: "run", MountPath: runDir},
	}
}

// socketOf is where a container's helper listens; the folder is its alone.
func socketOf(container string) string { return runDir + "/" + container + "/helper.sock" }

func (d *draft) linger() int {
	if d.spec.Linger > 0 {
		return d.spec.Linger
	}
	return d.opts.Linger
}

// finish adds what options ask for in any container.
func (d *draft) finish(c *corev1.Container, s *settings) {
	c.VolumeMounts = append(c.VolumeMounts, d.shelf.mounts(s.volumes)...)
	if s.shm != nil {
		name := "shm-" + c.Name
		d.shelf.folder(name, true, s.shm)
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: name, MountPath: "/dev/shm"})
	}
}

// resources are the operator's, within which the workflow may ask for less.
func (d *draft) resources() (corev1.ResourceRequirements, error) {
	limits, err := quantities(d.opts.Pod.Limits)
	if err != nil {
		return corev1.ResourceRequirements{}, err
	}
	requests, err := quantities(d.opts.Pod.Requests)
	if err != nil {
		return corev1.ResourceRequirements{}, err
	}
	for k, q := range d.job.limits {
		if most, has := limits[k]; has && q.Cmp(most) > 0 {
			d.notes = append(d.notes, fmt.Sprintf("%s %s is more than the %s that the operator allows", k, q.String(), most.String()))
			continue
		}
		limits[k] = q
	}
	for k, q := range d.job.requests {
		requests[k] = q
	}
	for k, q := range requests {
		if most, has := limits[k]; has && q.Cmp(most) > 0 {
			requests[k] = most
		}
	}
	return corev1.ResourceRequirements{Limits: limits, Requests: requests}, nil
}

func pullPolicy(p executor.PullPolicy) corev1.PullPolicy {
	switch p {
	case executor.PullAlways:
		return corev1.PullAlways
	case executor.PullNever:
		return corev1.PullNever
	}
	return corev1.PullIfNotPresent
}
