package kube

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	authv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/drydock-ci/drydock/executor"
)

// client speaks to one API server. It knows the few kinds of objects that the
// package needs; the whole client set would double the program.
type client struct {
	core, auth *rest.RESTClient
	config     *rest.Config
	params     runtime.ParameterCodec
	namespace  string
}

// requestTimeout bounds one request that answers at once.
const requestTimeout = 30 * time.Second

func connect(o Options) (*client, error) {
	const op = "find a Kubernetes cluster"
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.Kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: o.Context})
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, &executor.Error{
			Op: op, Kind: executor.Unavailable, Err: err,
			Hint: "set KUBECONFIG to the file of a cluster, or run without one: --executor docker",
		}
	}
	namespace := o.Namespace
	if namespace == "" {
		if namespace, _, err = loader.Namespace(); err != nil {
			return nil, executor.Errorf(op, executor.Unavailable, "%w", err)
		}
	}
	config.UserAgent = "drydock"
	config.QPS, config.Burst = 100, 200
	config.WarningHandlerWithContext = warnings{o.Log}
	return newClient(config, namespace)
}

func newClient(config *rest.Config, namespace string) (*client, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, authv1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	codecs := serializer.NewCodecFactory(scheme).WithoutConversion()
	hc, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, executor.Errorf("find a Kubernetes cluster", executor.Unavailable, "%w", err)
	}
	c := &client{namespace: namespace, params: runtime.NewParameterCodec(scheme)}
	of := func(gv schema.GroupVersion, path string) (*rest.RESTClient, *rest.Config, error) {
		conf := rest.CopyConfig(config)
		conf.GroupVersion, conf.APIPath, conf.NegotiatedSerializer = &gv, path, codecs
		rc, err := rest.RESTClientForConfigAndClient(conf, hc)
		return rc, conf, err
	}
	if c.core, c.config, err = of(corev1.SchemeGroupVersion, "/api"); err != nil {
		return nil, err
	}
	c.auth, _, err = of(authv1.SchemeGroupVersion, "/apis")
	return c, err
}

// warnings of the API server go to the log, not to the terminal.
type warnings struct{ log *slog.Logger }

func (w warnings) HandleWarningHeaderWithContext(ctx context.Context, code int, _, text string) {
	if code == http.StatusOK+99 && text != "" { // 299: a warning that persists
		w.log.DebugContext(ctx, "the API server warns", "text", text)
	}
}

func (c *client) createPod(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	var out corev1.Pod
	err := c.core.Post().Namespace(c.namespace).Resource("pods").Body(pod).Timeout(requestTimeout).Do(ctx).Into(&out)
	return &out, err
}

func (c *client) pod(ctx context.Context, name string) (*corev1.Pod, error) {
	var out corev1.Pod
	err := c.core.Get().Namespace(c.namespace).Resource("pods").Name(name).Timeout(requestTimeout).Do(ctx).Into(&out)
	return &out, err
}

func (c *client) pods(ctx context.Context, o metav1.ListOptions) (*corev1.PodList, error) {
	var out corev1.PodList
	err := c.core.Get().Namespace(c.namespace).Resource("pods").VersionedParams(&o, c.params).Timeout(requestTimeout).Do(ctx).Into(&out)
	return &out, err
}

// deletePod deletes that very pod, not one that has taken its name.
func (c *client) deletePod(ctx context.Context, p podRef) error {
	grace := int64(1)
	o := &metav1.DeleteOptions{GracePeriodSeconds: &grace, Preconditions: &metav1.Preconditions{UID: &p.uid}}
	return c.core.Delete().Namespace(c.namespace).Resource("pods").Name(p.name).Body(o).Timeout(requestTimeout).Do(ctx).Error()
}

func (c *client) createSecret(ctx context.Context, s *corev1.Secret) error {
	return c.core.Post().Namespace(c.namespace).Resource("secrets").Body(s).Timeout(requestTimeout).Do(ctx).Error()
}

// logTail gives the last lines of a container; previous means of its run before
// this one.
func (c *client) logTail(ctx context.Context, pod, container string, previous bool) ([]byte, error) {
	lines, limit := int64(50), int64(64<<10)
	o := &corev1.PodLogOptions{Container: container, Previous: previous, TailLines: &lines, LimitBytes: &limit}
	return c.core.Get().Namespace(c.namespace).Resource("pods").Name(pod).SubResource("log").
		VersionedParams(o, c.params).Timeout(requestTimeout).DoRaw(ctx)
}

// events of one pod.
func (c *client) events(ctx context.Context, p podRef) (*corev1.EventList, error) {
	var out corev1.EventList
	o := metav1.ListOptions{FieldSelector: fmt.Sprintf("involvedObject.uid=%s", p.uid)}
	err := c.core.Get().Namespace(c.namespace).Resource("events").VersionedParams(&o, c.params).Timeout(requestTimeout).Do(ctx).Into(&out)
	return &out, err
}
