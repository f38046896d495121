package config

// kubernetesFields are the rows of everything below "kubernetes". All are the
// operator's: none is for workflows or for the file of a project.
var kubernetesFields = []Field{
	{
		Key: "kubernetes.kubeconfig", Env: "DRYDOCK_KUBERNETES_KUBECONFIG", Kind: String, Arg: "FILE", UserOnly: true, Path: true,
		Doc: "file that says how to reach the cluster; empty: as kubectl finds it, then the service account of the pod that drydock is in",
		ref: func(c *Config) any { return &c.Kubernetes.Kubeconfig },
	},
	{
		Key: "kubernetes.context", Env: "DRYDOCK_KUBERNETES_CONTEXT", Kind: String, Arg: "NAME", UserOnly: true,
		Doc: "context of that file; empty is its current one",
		ref: func(c *Config) any { return &c.Kubernetes.Context },
	},
	{
		Key: "kubernetes.namespace", Env: "DRYDOCK_KUBERNETES_NAMESPACE", Kind: String, Arg: "NAME", UserOnly: true, PerRunner: true,
		Doc: "namespace of the pods; empty is the context's",
		ref: func(c *Config) any { return &c.Kubernetes.Namespace },
	},
	{
		Key: "kubernetes.helper_image", Env: "DRYDOCK_KUBERNETES_HELPER_IMAGE", Kind: String, Arg: "IMAGE", UserOnly: true,
		Doc: "image that brings the helper into pods; empty is drydock's own of this version",
		ref: func(c *Config) any { return &c.Kubernetes.HelperImage },
	},
	{
		Key: "kubernetes.externals", Env: "DRYDOCK_KUBERNETES_EXTERNALS", Kind: String, Arg: "FOLDER", UserOnly: true,
		Doc: "folder of the helper image with builds of node; empty: there is none, and node is copied into pods that need it",
		ref: func(c *Config) any { return &c.Kubernetes.Externals },
	},
	{
		Key: "kubernetes.wait", Env: "DRYDOCK_KUBERNETES_WAIT", Kind: Duration, Arg: "TIME", Default: "15m", UserOnly: true,
		Doc: "how long a pod may take to start, for want of room or quota too",
		ref: func(c *Config) any { return &c.Kubernetes.Wait },
	},
	{
		Key: "kubernetes.pull_wait", Env: "DRYDOCK_KUBERNETES_PULL_WAIT", Kind: Duration, Arg: "TIME", Default: "2m", UserOnly: true,
		Doc: "how long pulling an image may fail",
		ref: func(c *Config) any { return &c.Kubernetes.PullWait },
	},
	{
		Key: "kubernetes.builder", Env: "DRYDOCK_KUBERNETES_BUILDER", Kind: String, Arg: "ADDRESS", UserOnly: true,
		Doc: "buildkitd that builds the images of Dockerfile actions, as seen from here: tcp://HOST:PORT or unix:///PATH; empty: there is none",
		ref: func(c *Config) any { return &c.Kubernetes.Builder },
	},
	{
		Key: "kubernetes.builder_certs", Env: "DRYDOCK_KUBERNETES_BUILDER_CERTS", Kind: String, Arg: "FOLDER", UserOnly: true, Path: true,
		Doc: "folder with ca.pem, cert.pem and key.pem for that builder",
		ref: func(c *Config) any { return &c.Kubernetes.BuilderCerts },
	},
	{
		Key: "kubernetes.builder_plain", Env: "DRYDOCK_KUBERNETES_BUILDER_PLAIN", Kind: Bool, Default: "false", UserOnly: true,
		Doc: "speak to the builder without TLS, on another machine too",
		ref: func(c *Config) any { return &c.Kubernetes.BuilderPlain },
	},
	{
		Key: "kubernetes.registry", Env: "DRYDOCK_KUBERNETES_REGISTRY", Kind: String, Arg: "HOST[/PREFIX]", UserOnly: true,
		Doc: "where the images of Dockerfile actions are pushed to, with your docker logins",
		ref: func(c *Config) any { return &c.Kubernetes.Registry },
	},
	{
		Key: "kubernetes.registry_nodes", Env: "DRYDOCK_KUBERNETES_REGISTRY_NODES", Kind: String, Arg: "HOST[/PREFIX]", UserOnly: true,
		Doc: "the same registry as the nodes of the cluster reach it, if by another name",
		ref: func(c *Config) any { return &c.Kubernetes.RegistryNodes },
	},
	{
		Key: "kubernetes.registry_plain", Env: "DRYDOCK_KUBERNETES_REGISTRY_PLAIN", Kind: Bool, Default: "false", UserOnly: true,
		Doc: "speak to that registry without TLS, on another machine too",
		ref: func(c *Config) any { return &c.Kubernetes.RegistryPlain },
	},
	{
		Key: "kubernetes.restricted", Env: "DRYDOCK_KUBERNETES_RESTRICTED", Kind: Bool, Default: "false", UserOnly: true, PerRunner: true,
		Doc: "keep pods to the Pod Security level restricted: no container may be root; else it is baseline",
		ref: func(c *Config) any { return &c.Kubernetes.Restricted },
	},
	{
		Key: "kubernetes.allow_escalation", Env: "DRYDOCK_KUBERNETES_ALLOW_ESCALATION", Kind: Bool, Default: "false", UserOnly: true, PerRunner: true,
		Doc: "let programs such as sudo get more rights, as the level baseline allows",
		ref: func(c *Config) any { return &c.Kubernetes.AllowEscalation },
	},
	{
		Key: "kubernetes.service_account", Env: "DRYDOCK_KUBERNETES_SERVICE_ACCOUNT", Kind: String, Arg: "NAME", UserOnly: true, PerRunner: true,
		Doc: "service account of pods; its token is never mounted",
		ref: func(c *Config) any { return &c.Kubernetes.ServiceAccount },
	},
	{
		Key: "kubernetes.runtime_class", Env: "DRYDOCK_KUBERNETES_RUNTIME_CLASS", Kind: String, Arg: "NAME", UserOnly: true, PerRunner: true,
		Doc: "runtime class of pods, such as one for gVisor or Kata",
		ref: func(c *Config) any { return &c.Kubernetes.RuntimeClass },
	},
	{
		Key: "kubernetes.priority_class", Env: "DRYDOCK_KUBERNETES_PRIORITY_CLASS", Kind: String, Arg: "NAME", UserOnly: true, PerRunner: true,
		Doc: "priority class of pods",
		ref: func(c *Config) any { return &c.Kubernetes.PriorityClass },
	},
	{
		Key: "kubernetes.node_selector", Env: "DRYDOCK_KUBERNETES_NODE_SELECTOR", Kind: Map, Arg: "LABEL=VALUE,...", UserOnly: true, PerRunner: true,
		Doc: "labels of the nodes that pods may go to",
		ref: func(c *Config) any { return &c.Kubernetes.NodeSelector },
	},
	{
		Key: "kubernetes.tolerations", Env: "DRYDOCK_KUBERNETES_TOLERATIONS", Kind: List, Arg: "KEY[=VALUE][:EFFECT],...", UserOnly: true, PerRunner: true,
		Doc: "taints of nodes that pods may go to all the same, as kubectl taint writes them; * is any",
		ref: func(c *Config) any { return &c.Kubernetes.Tolerations },
	},
	{
		Key: "kubernetes.requests", Env: "DRYDOCK_KUBERNETES_REQUESTS", Kind: Map, Arg: "NAME=QUANTITY,...", UserOnly: true, PerRunner: true,
		Doc: "what the job's container asks for, such as cpu=500m,memory=1Gi",
		ref: func(c *Config) any { return &c.Kubernetes.Requests },
	},
	{
		Key: "kubernetes.limits", Env: "DRYDOCK_KUBERNETES_LIMITS", Kind: Map, Arg: "NAME=QUANTITY,...", UserOnly: true, PerRunner: true,
		Doc: "what the job's container may use; a workflow may ask for less, never for more",
		ref: func(c *Config) any { return &c.Kubernetes.Limits },
	},
	{
		Key: "kubernetes.labels", Env: "DRYDOCK_KUBERNETES_LABELS", Kind: Map, Arg: "LABEL=VALUE,...", UserOnly: true, PerRunner: true,
		Doc: "more labels of pods",
		ref: func(c *Config) any { return &c.Kubernetes.Labels },
	},
	{
		Key: "kubernetes.annotations", Env: "DRYDOCK_KUBERNETES_ANNOTATIONS", Kind: Map, Arg: "NAME=VALUE,...", UserOnly: true, PerRunner: true,
		Doc: "more annotations of pods",
		ref: func(c *Config) any { return &c.Kubernetes.Annotations },
	},
	{
		Key: "kubernetes.pull_secrets", Env: "DRYDOCK_KUBERNETES_PULL_SECRETS", Kind: List, Arg: "NAME,...", UserOnly: true, PerRunner: true,
		Doc: "names of Secrets of the namespace, with logins for registries",
		ref: func(c *Config) any { return &c.Kubernetes.PullSecrets },
	},
}
