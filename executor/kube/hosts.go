package kube

import (
	"cmp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// hosts makes the services answer to their names in all containers of the pod.
// Names that Kubernetes does not take for a host alias, such as my_db, come by
// a hosts file of our own.
func (d *draft) hosts(spec *corev1.PodSpec, annotations map[string]string) {
	var names []string
	plain := true
	for _, s := range d.services {
		for _, n := range append([]string{s.spec.ID}, s.settings.aliases...) {
			if !slices.Contains(names, n) {
				names = append(names, n)
				plain = plain && dnsName(n)
			}
		}
		spec.HostAliases = append(spec.HostAliases, s.settings.hosts...)
	}
	spec.HostAliases = append(spec.HostAliases, d.job.hosts...)
	if len(names) == 0 {
		return
	}
	local := corev1.HostAlias{IP: "127.0.0.1", Hostnames: slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !dnsName(n) })}
	if len(local.Hostnames) > 0 {
		spec.HostAliases = append(spec.HostAliases, local)
	}
	if plain {
		return
	}
	var b strings.Builder
	b.WriteString("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n")
	b.WriteString("127.0.0.1 " + cmp.Or(d.job.hostname, d.secret.name) + "\n127.0.0.1 " + strings.Join(names, " ") + "\n")
	for _, a := range spec.HostAliases {
		if a.IP != "127.0.0.1" {
			b.WriteString(a.IP + " " + strings.Join(a.Hostnames, " ") + "\n")
		}
	}
	annotations[annotationHosts] = b.String()
	d.shelf.volumes = append(d.shelf.volumes, corev1.Volume{Name: "hosts", VolumeSource: corev1.VolumeSource{
		DownwardAPI: &corev1.DownwardAPIVolumeSource{Items: []corev1.DownwardAPIVolumeFile{{
			Path: "hosts", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.annotations['" + annotationHosts + "']"},
		}}},
	}})
	mount := corev1.VolumeMount{Name: "hosts", MountPath: "/etc/hosts", SubPath: "hosts", ReadOnly: true}
	for i := range spec.Containers {
		spec.Containers[i].VolumeMounts = append(spec.Containers[i].VolumeMounts, mount)
	}
	for i := range spec.InitContainers[1:] {
		c := &spec.InitContainers[i+1]
		c.VolumeMounts = append(c.VolumeMounts, mount)
	}
}
