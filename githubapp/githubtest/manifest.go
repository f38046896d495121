package githubtest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// manifest says what App to make.
// GitHub docs: apps/sharing-github-apps/registering-a-github-app-from-a-manifest
type manifest struct {
	Name string `json:"name"`
	URL  string `json:"url"`
	Hook struct {
		URL    string `json:"url"`
		Active *bool  `json:"active"`
	} `json:"hook_attributes"`
	Redirect    string            `json:"redirect_url"`
	Callbacks   []string          `json:"callback_urls"`
	Setup       string            `json:"setup_url"`
	Events      []string          `json:"default_events"`
	Permissions map[string]string `json:"default_permissions"`

	owner   string
	expires time.Time
}

// manifestPage is /settings/apps/new: a browser brings a manifest, and its person
// says yes.
func (g *GitHub) manifestPage(w http.ResponseWriter, r *http.Request) {
	text := r.FormValue("manifest")
	if text == "" {
		show(w, "Create GitHub App")
		return
	}
	m := &manifest{}
	if err := json.Unmarshal([]byte(text), m); err != nil || m.Name == "" || m.URL == "" || m.Redirect == "" {
		http.Error(w, "Error: the manifest needs name, url and redirect_url", http.StatusUnprocessableEntity)
		return
	}
	if len(m.Name) > 34 {
		http.Error(w, "Error: Name is too long (maximum is 34 characters)", http.StatusUnprocessableEntity)
		return
	}
	if r.FormValue("sure") == "" {
		show(w, "Create GitHub App for "+m.Name, form{r.URL.RequestURI(), "create", "Create GitHub App", map[string]string{"manifest": text, "sure": "1"}})
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	m.owner, m.expires = r.PathValue("organization"), g.now().Add(time.Hour)
	if m.owner == "" {
		m.owner = g.somebody().Login
		if g.browser != nil {
			m.owner = g.browser.Login
		}
	}
	g.ids["manifest"]++
	key := secretText("manifest", g.ids["manifest"])
	g.manifests[key] = m
	to, err := url.Parse(m.Redirect)
	if err != nil {
		http.Error(w, "Error: redirect_url", http.StatusUnprocessableEntity)
		return
	}
	q := to.Query()
	q.Set("code", key)
	if state := r.FormValue("state"); state != "" {
		q.Set("state", state)
	}
	to.RawQuery = q.Encode()
	http.Redirect(w, r, to.String(), http.StatusFound)
}

// manifestConversion is POST /app-manifests/{code}/conversions. The App that it
// makes takes the place of the one before: a GitHub of this package has one.
func (c *call) manifestConversion() answer {
	g := c.gh
	m := g.manifests[c.r.PathValue("code")]
	if m == nil || !g.now().Before(m.expires) {
		return *notFound()
	}
	delete(g.manifests, c.r.PathValue("code"))
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fail(http.StatusInternalServerError, err.Error())
	}
	n := g.ids["manifest"]
	g.app = App{
		ID: g.app.ID + 1, Name: m.Name, Slug: slug(m.Name), WebhookSecret: secretText("webhook", n), ClientID: "Iv23githubtest" + itoa(g.app.ID+1),
		ClientSecret: secretText("client", n), PrivateKey: pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
		owner: m.owner, key: &key.PublicKey, made: g.now(),
	}
	g.installations, g.tokens = nil, map[string]*token{}
	g.o.Permissions, g.o.Events = map[string]string{"metadata": "read"}, append([]string{}, m.Events...)
	for name, level := range m.Permissions {
		g.o.Permissions[name] = level
	}
	g.callbacks, g.setupURL = m.Callbacks, m.Setup
	if m.Hook.Active == nil || *m.Hook.Active {
		g.hooks.mu.Lock()
		g.hooks.address = m.Hook.URL
		g.hooks.mu.Unlock()
	}
	g.account(m.owner, "User")
	out := g.appJSON(&g.app)
	out["client_secret"], out["webhook_secret"], out["pem"] = g.app.ClientSecret, g.app.WebhookSecret, string(g.app.PrivateKey)
	return created(out)
}

func slug(name string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}), "-")
}
