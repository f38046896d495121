package kube

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drydock-ci/drydock/executor"
)

// secret is the one object beside a pod: the values of variables, which may be
// anything, and the logins for its images. It belongs to the pod and is
// removed with it.
type secret struct {
	name  string
	data  map[string][]byte
	auths map[string]login
}

type login struct {
	Username string `json:"username"`
	Password string `json:"password"`
	Auth     string `json:"auth"`
}

func (s *secret) empty() bool  { return len(s.data) == 0 && len(s.auths) == 0 }
func (s *secret) logins() bool { return len(s.auths) > 0 }

// hide gives variables whose values are in the secret.
func (s *secret) hide(vars []variable) []corev1.EnvVar {
	var out []corev1.EnvVar
	for _, v := range vars {
		if s.data == nil {
			s.data = map[string][]byte{}
		}
		key := fmt.Sprintf("env-%d", len(s.data))
		s.data[key] = []byte(v.value)
		out = append(out, corev1.EnvVar{Name: v.name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: s.name}, Key: key,
		}}})
	}
	return out
}

// login adds what an image's registry wants to know. Kubelets look for the
// longest name that fits, so that two logins of one registry can be told apart.
func (s *secret) login(img executor.Image) {
	c := img.Credentials
	if c == nil || c.Username == "" && c.Password == "" {
		return
	}
	named, err := reference.ParseNormalizedNamed(img.Ref)
	if err != nil {
		return // the kubelet says so better: InvalidImageName
	}
	if s.auths == nil {
		s.auths = map[string]login{}
	}
	l := login{c.Username, c.Password, base64.StdEncoding.EncodeToString([]byte(c.Username + ":" + c.Password))}
	s.auths[named.Name()] = l
	domain := reference.Domain(named)
	if plain, err := reference.ParseNormalizedNamed("a"); err == nil && reference.Domain(plain) == domain {
		domain = "https://index." + domain + "/v1/" // how the default registry is filed
	}
	if _, has := s.auths[domain]; !has {
		s.auths[domain] = l
	}
}

// object is the Secret, owned by the pod.
func (s *secret) object(pod *corev1.Pod) (*corev1.Secret, error) {
	yes := true
	out := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name: s.name, Labels: pod.Labels,
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID}},
		},
		Data: s.data, Type: corev1.SecretTypeOpaque, Immutable: &yes,
	}
	if len(s.auths) > 0 {
		text, err := json.Marshal(map[string]any{"auths": s.auths})
		if err != nil {
			return nil, err
		}
		if out.Data == nil {
			out.Data = map[string][]byte{}
		}
		out.Data[corev1.DockerConfigJsonKey], out.Type = text, corev1.SecretTypeDockerConfigJson
	}
	return out, nil
}
