package config

import (
	"net"
	"net/url"
	"strings"
)

// App is the GitHub App that "drydock serve" is. Files that are not named lie in
// its folder, where "drydock app create" puts them.
type App struct {
	Folder            string // absolute
	ID                int    // 0: as the folder says
	ClientID          string // empty: as the folder says
	PrivateKeyFile    string // absolute; empty: private-key.pem in Folder
	WebhookSecretFile string // absolute; empty: webhook-secret in Folder
	ClientSecretFile  string // absolute; empty: client-secret in Folder
}

// Server is "drydock serve".
type Server struct {
	Listen         string   // HOST:PORT
	URL            string   // without a slash at the end; empty: http:// and Listen
	Name           string   // of this process among those of one database; empty: the host's name
	Labels         []string // that its workers offer; empty: any
	Admins         []string // logins
	Jobs           int      // at once, here; 0: as MaxParallel
	RepositoryJobs int      // at once, of one repository; 0: any number
	Approval       string   // one of the Approval constants
	Deny           []string // ZONE:WHAT; package trust knows them
	SecretsFolder  string   // absolute; empty: none
	LocalToken     bool
	PublicMetrics  bool

	Services       bool              // pipelines of the services that repositories declare
	Publish        []string          // patterns of refs whose pushes publish them; empty: the default branch and tags
	Preview        bool              // pull requests push a tag of their own
	RegistryLogins map[string]string // host to USERNAME:PASSWORD, both names of secrets
	Images         map[string]string // OWNER/REPOSITORY or OWNER/* to what images begin with

	PlainRegistries   []string // HOST:PORT that services are pushed to without TLS
	PrivateRegistries []string // HOST or HOST:PORT in the server's own network
	PrivateWebhooks   bool     // services tell receivers in the server's own network
}

// Vault is where the key of stored secrets lies.
type Vault struct {
	KeyFile string // absolute
}

// Values of Server.Approval.
const (
	ApprovalAlways    = "always"
	ApprovalFirstTime = "first-time"
	ApprovalNever     = "never"
)

// serverFields are the rows of the server. All are the operator's.
var serverFields = []Field{
	{
		Key: "server.listen", Env: "DRYDOCK_SERVER_LISTEN", Kind: String, Arg: "HOST:PORT", Default: "127.0.0.1:8080", UserOnly: true,
		Doc: "address that the server listens at; an empty HOST is every one",
		ref: func(c *Config) any { return &c.Server.Listen },
	},
	{
		Key: "server.url", Env: "DRYDOCK_SERVER_URL", Kind: String, Arg: "URL", UserOnly: true,
		Doc: "address that people and GitHub reach the server at; empty is http:// and server.listen",
		ref: func(c *Config) any { return &c.Server.URL },
	},
	{
		Key: "server.name", Env: "DRYDOCK_SERVER_NAME", Kind: String, Arg: "NAME", UserOnly: true,
		Doc: "name of this process among those that share a database: after a restart it goes on with its own jobs; empty is the host's name",
		ref: func(c *Config) any { return &c.Server.Name },
	},
	{
		Key: "server.labels", Env: "DRYDOCK_SERVER_LABELS", Kind: List, Arg: "LABEL,...", UserOnly: true,
		Doc: "labels of runs-on whose jobs this process takes; empty is any",
		ref: func(c *Config) any { return &c.Server.Labels },
	},
	{
		Key: "server.jobs", Env: "DRYDOCK_SERVER_JOBS", Kind: Int, Arg: "N", Default: "0", UserOnly: true,
		Doc: "jobs that run at the same time in this process; 0 is as max_parallel",
		ref: func(c *Config) any { return &c.Server.Jobs },
	},
	{
		Key: "server.repository_jobs", Env: "DRYDOCK_SERVER_REPOSITORY_JOBS", Kind: Int, Arg: "N", Default: "0", UserOnly: true,
		Doc: "jobs of one repository that run at the same time, in all processes; 0 is any number",
		ref: func(c *Config) any { return &c.Server.RepositoryJobs },
	},
	{
		Key: "server.approval", Env: "DRYDOCK_SERVER_APPROVAL", Kind: String, Arg: "WHEN",
		Values: []string{ApprovalAlways, ApprovalFirstTime, ApprovalNever}, Default: ApprovalAlways, UserOnly: true,
		Doc: "when a pull request from a fork waits for somebody with write access: always, for those who never contributed, never",
		ref: func(c *Config) any { return &c.Server.Approval },
	},
	{
		Key: "server.deny", Env: "DRYDOCK_SERVER_DENY", Kind: List, Arg: "ZONE:WHAT,...", UserOnly: true,
		Doc: "what runs do not get that would get it otherwise: zones are fork, fork-target, pull-request, branch, protected and schedule; " +
			"WHAT is write (of the token), token, secrets, id-token, cache-write, environments, engine (what docker.allow_* opens), host, or runs-on=LABEL, as in pull-request:host,fork:runs-on=deploy",
		ref: func(c *Config) any { return &c.Server.Deny },
	},
	{
		Key: "server.admins", Env: "DRYDOCK_SERVER_ADMINS", Kind: List, Arg: "LOGIN,...", UserOnly: true,
		Doc: "logins of those who see deliveries and the queue, whatever repository they belong to",
		ref: func(c *Config) any { return &c.Server.Admins },
	},
	{
		Key: "server.secrets_folder", Env: "DRYDOCK_SERVER_SECRETS_FOLDER", Kind: String, Arg: "FOLDER", UserOnly: true, Path: true,
		Doc: "folder with more secrets, such as mounted Secrets of Kubernetes: OWNER/REPOSITORY/NAME and OWNER/NAME are files with one value each",
		ref: func(c *Config) any { return &c.Server.SecretsFolder },
	},
	{
		Key: "server.services", Env: "DRYDOCK_SERVER_SERVICES", Kind: Bool, Default: "true", UserOnly: true,
		Doc: "build the services that a repository's drydock.yaml declares",
		ref: func(c *Config) any { return &c.Server.Services },
	},
	{
		Key: "server.publish", Env: "DRYDOCK_SERVER_PUBLISH", Kind: List, Arg: "PATTERN,...", UserOnly: true,
		Doc: "branches (main, release/*) and tags (refs/tags/v*) whose pushes publish services; empty is the default branch and all tags",
		ref: func(c *Config) any { return &c.Server.Publish },
	},
	{
		Key: "server.preview", Env: "DRYDOCK_SERVER_PREVIEW", Kind: Bool, Default: "false", UserOnly: true,
		Doc: "let pull requests of the same repository push images of services under the tag pr-NUMBER; a fork's never do",
		ref: func(c *Config) any { return &c.Server.Preview },
	},
	{
		Key: "server.registry_logins", Env: "DRYDOCK_SERVER_REGISTRY_LOGINS", Kind: Map, Arg: "HOST=USERNAME:PASSWORD,...", UserOnly: true,
		Doc: "logins at registries for services: USERNAME and PASSWORD are names of secrets of the repository or its organisation",
		ref: func(c *Config) any { return &c.Server.RegistryLogins },
	},
	{
		Key: "server.images", Env: "DRYDOCK_SERVER_IMAGES", Kind: Map, Arg: "REPOSITORY=IMAGE,...", UserOnly: true,
		Doc: "repositories (OWNER/NAME or OWNER/*) whose services may use the Docker configuration of the server's own user, and what the names of images begin with that they use it for (registry.example/team)",
		ref: func(c *Config) any { return &c.Server.Images },
	},
	{
		Key: "server.plain_registries", Env: "DRYDOCK_SERVER_PLAIN_REGISTRIES", Kind: List, Arg: "HOST:PORT,...", UserOnly: true,
		Doc: "registries that services are pushed to without TLS, also those of this machine",
		ref: func(c *Config) any { return &c.Server.PlainRegistries },
	},
	{
		Key: "server.private_registries", Env: "DRYDOCK_SERVER_PRIVATE_REGISTRIES", Kind: List, Arg: "HOST[:PORT],...", UserOnly: true,
		Doc: "registries in the server's own network that services, and docker:// actions in a cluster, may name, and where these make tokens or keep layers; those of server.registry_logins, server.images, server.plain_registries and kubernetes.registry may be named anyway",
		ref: func(c *Config) any { return &c.Server.PrivateRegistries },
	},
	{
		Key: "server.private_webhooks", Env: "DRYDOCK_SERVER_PRIVATE_WEBHOOKS", Kind: Bool, Default: "false", UserOnly: true,
		Doc: "let the notify webhooks of services lead into the server's own network; whoever may push declares them",
		ref: func(c *Config) any { return &c.Server.PrivateWebhooks },
	},
	{
		Key: "server.local_token", Env: "DRYDOCK_SERVER_LOCAL_TOKEN", Kind: Bool, Default: "true", UserOnly: true,
		Doc: "let who can read the file \"token\" below state_dir/server sign in with it, from this machine only",
		ref: func(c *Config) any { return &c.Server.LocalToken },
	},
	{
		Key: "server.public_metrics", Env: "DRYDOCK_SERVER_PUBLIC_METRICS", Kind: Bool, Default: "false", UserOnly: true,
		Doc: "let everybody who reaches the server read /metrics, not only admins and this machine: they name labels of runs-on and nobody's repository",
		ref: func(c *Config) any { return &c.Server.PublicMetrics },
	},
	{
		Key: "database_url", Env: "DRYDOCK_DATABASE_URL", Kind: String, Arg: "URL", UserOnly: true, Hidden: true,
		Doc: "database of the server: postgres://USER:PASSWORD@HOST/NAME; empty is a file below state_dir",
		ref: func(c *Config) any { return &c.DatabaseURL },
	},
	{
		Key: "vault.key_file", Env: "DRYDOCK_VAULT_KEY_FILE", Kind: String, Arg: "FILE", Default: "$XDG_STATE_HOME/drydock/server/vault.key", UserOnly: true, Path: true,
		Doc: "file with the key of stored secrets, made when there is none; the variable DRYDOCK_VAULT_KEY may hold the key itself",
		ref: func(c *Config) any { return &c.Vault.KeyFile },
	},
	{
		Key: "app.folder", Env: "DRYDOCK_APP_FOLDER", Kind: String, Arg: "FOLDER", Default: "$XDG_STATE_HOME/drydock/app", UserOnly: true, Path: true,
		Doc: "folder that \"drydock app create\" puts the GitHub App's id, key and secrets in",
		ref: func(c *Config) any { return &c.App.Folder },
	},
	{
		Key: "app.id", Env: "DRYDOCK_APP_ID", Kind: Int, Arg: "ID", Default: "0", UserOnly: true,
		Doc: "id of the GitHub App; 0 is as the folder says",
		ref: func(c *Config) any { return &c.App.ID },
	},
	{
		Key: "app.private_key_file", Env: "DRYDOCK_APP_PRIVATE_KEY_FILE", Kind: String, Arg: "FILE", UserOnly: true, Path: true,
		Doc: "file with the App's private key (PEM); empty is private-key.pem in the folder",
		ref: func(c *Config) any { return &c.App.PrivateKeyFile },
	},
	{
		Key: "app.webhook_secret_file", Env: "DRYDOCK_APP_WEBHOOK_SECRET_FILE", Kind: String, Arg: "FILE", UserOnly: true, Path: true,
		Doc: "file with the secret that GitHub signs deliveries with, one in a line while it is being changed; empty is webhook-secret in the folder",
		ref: func(c *Config) any { return &c.App.WebhookSecretFile },
	},
	{
		Key: "app.client_id", Env: "DRYDOCK_APP_CLIENT_ID", Kind: String, Arg: "ID", UserOnly: true,
		Doc: "client id of the App, for signing in; empty is as the folder says",
		ref: func(c *Config) any { return &c.App.ClientID },
	},
	{
		Key: "app.client_secret_file", Env: "DRYDOCK_APP_CLIENT_SECRET_FILE", Kind: String, Arg: "FILE", UserOnly: true, Path: true,
		Doc: "file with the client secret of the App; empty is client-secret in the folder",
		ref: func(c *Config) any { return &c.App.ClientSecretFile },
	},
}

// checkServer checks what belongs to the server.
func (c *Config) checkServer(fail func(key, format string, args ...any)) {
	if _, port, err := net.SplitHostPort(c.Server.Listen); err != nil || port == "" {
		fail("server.listen", "%q is no address: give HOST:PORT, such as 127.0.0.1:8080", c.Server.Listen)
	}
	if u := c.Server.URL; u != "" && !webURL(u) {
		fail("server.url", "%q is no http or https URL", u)
	}
	if n := c.Server.Jobs; n < 0 {
		fail("server.jobs", "%d is less than 0: give the number of jobs, or 0 for as max_parallel", n)
	}
	if n := c.Server.RepositoryJobs; n < 0 {
		fail("server.repository_jobs", "%d is less than 0: give the number of jobs, or 0 for any number", n)
	}
	if c.App.ID < 0 {
		fail("app.id", "%d is no id of a GitHub App", c.App.ID)
	}
	// The URL holds a password: messages must not repeat it.
	if d := c.DatabaseURL; d != "" {
		if u, err := url.Parse(d); err != nil || !strings.HasPrefix(u.Scheme, "postgres") {
			fail("database_url", "is no postgres:// URL: leave it out for a file below state_dir")
		}
	}
}
