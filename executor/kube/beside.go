package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/helper"
	"github.com/drydock-ci/drydock/executor/helper/wire"
)

// Container adds an ephemeral container to the job's pod. Such a container
// cannot mount a part of a volume, so it has the whole work folder, where the
// job has it, and links lead there from the places that actions know: a program
// that does not follow a link can tell, which Info.Linked says, and the rest of
// the work folder is visible. The folder of the links is one volume of the pod, so that an
// image whose user is not root can have it too.
func (e *environment) Container(ctx context.Context, spec executor.ContainerSpec) (executor.Environment, error) {
	op := fmt.Sprintf("create a container beside the job from image %q", spec.Image.Ref)
	if e.container != jobContainer {
		return nil, executor.Errorf(op, executor.Unsupported, "it is asked of a container beside the job")
	}
	if spec.Image.Ref == "" {
		return nil, executor.Errorf(op, executor.Invalid, "it names no image")
	}
	log := lines(spec.Log)
	if err := e.share(ctx, op, spec.Share); err != nil {
		return nil, err
	}
	name := besidePrefix + safe(spec.Name, 30) + "-" + random()
	out := &environment{x: e.x, c: e.c, pod: e.pod, container: name, token: helper.NewToken()}
	w := e.x.waiter(e.c, name, log)
	pod, err := e.c.addContainer(ctx, e.pod.name, e.ephemeral(name, spec))
	if err != nil {
		if aerr := e.c.alive(ctx, e.pod, jobContainer); executor.IsKind(aerr, executor.Lost) {
			return nil, &executor.Error{Op: op, Kind: executor.Lost, Err: aerr}
		}
		return nil, e.c.fail(op, err)
	}
	pod, id, err := w.wait(ctx, pod)
	if err == nil {
		err = out.open(ctx, pod)
	}
	if err == nil {
		out.info = out.Describe()
		out.info.Linked = true
		out.finish(pod, id, nil)
		err = out.link(ctx, spec.Share)
	}
	if err == nil {
		err = out.entrypoint(ctx, spec.Image, log)
	}
	if err != nil {
		bg, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
		defer cancel()
		if cerr := out.Close(bg); cerr != nil {
			e.x.log.Warn("end a half made container", "pod", e.pod.name, "container", name, "error", cerr)
		}
		if ctx.Err() != nil && !executor.IsKind(err, executor.Lost) {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	return out, nil
}

// ephemeral is the container as Kubernetes takes it.
func (e *environment) ephemeral(name string, spec executor.ContainerSpec) corev1.EphemeralContainer {
	c := corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon{
		Name: name, Image: spec.Image.Ref, ImagePullPolicy: pullPolicy(spec.Image.Pull), WorkingDir: "/",
		Command: []string{helperTarget, "serve", "--socket", socketOf(name), "--linger", strconv.Itoa(e.linger)},
		VolumeMounts: append(ownMounts(),
			corev1.VolumeMount{Name: "work", MountPath: e.info.Paths.Work}, corev1.VolumeMount{Name: "actions", MountPath: githubDir}),
		SecurityContext: securityOf(e.x.opts.Pod),
	}}
	for _, k := range slices.Sorted(maps.Keys(spec.Env)) {
		c.Env = append(c.Env, corev1.EnvVar{Name: k, Value: literal([]string{spec.Env[k]})[0]})
	}
	c.Env = e.x.opts.trust(c.Env, e.info.Paths.Work)
	return c
}

// share makes the folders that are shown, and lets other users of the pod write
// to those for the runner's own files.
func (e *environment) share(ctx context.Context, op string, shares []executor.Share) error {
	var dirs, open []wire.Entry
	for _, s := range shares {
		p := path.Clean(s.Path)
		if !strings.HasPrefix(p+"/", e.info.Paths.Work+"/") || !strings.HasPrefix(s.Target, "/") {
			return executor.Errorf(op, executor.Invalid, "%q cannot be shown at %q: it is not below %q", s.Path, s.Target, e.info.Paths.Work)
		}
		dirs = append(dirs, wire.Entry{Path: p})
		if strings.HasPrefix(p+"/", e.info.Paths.Temp+"/") {
			open = append(open, wire.Entry{Path: p, Mode: 0o777})
		}
	}
	if err := e.Setup(ctx, dirs); err != nil {
		return err
	}
	if err := e.Setup(ctx, open); executor.IsKind(err, executor.Lost) {
		return err
	}
	return nil // a folder of another user stays as it is
}

// link shows the shared folders where the action looks for them.
func (e *environment) link(ctx context.Context, shares []executor.Share) error {
	var links []wire.Entry
	for _, s := range shares {
		if path.Clean(s.Path) != path.Clean(s.Target) {
			links = append(links, wire.Entry{Path: path.Clean(s.Target), Target: path.Clean(s.Path)})
		}
	}
	return e.Setup(ctx, links)
}

// entrypoint fills what Kubernetes does not tell of an image.
func (e *environment) entrypoint(ctx context.Context, img executor.Image, log func(string)) error {
	if e.x.opts.ImageConfig == nil {
		return nil
	}
	if img.Platform == "" {
		img.Platform = "linux/" + e.info.Arch
	}
	entrypoint, cmd, err := e.x.opts.ImageConfig(ctx, img)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		log(fmt.Sprintf("The entrypoint of image %s is not known: %v", img.Ref, err))
		return nil
	}
	e.info.Entrypoint, e.info.Cmd = entrypoint, cmd
	return nil
}

// addContainer adds an ephemeral container to a pod, whatever others add.
func (c *client) addContainer(ctx context.Context, pod string, ec corev1.EphemeralContainer) (*corev1.Pod, error) {
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"ephemeralContainers": []corev1.EphemeralContainer{ec}}})
	if err != nil {
		return nil, err
	}
	var out corev1.Pod
	err = c.core.Patch(types.StrategicMergePatchType).Namespace(c.namespace).Resource("pods").Name(pod).SubResource("ephemeralcontainers").
		Body(patch).Timeout(requestTimeout).Do(ctx).Into(&out)
	return &out, err
}
