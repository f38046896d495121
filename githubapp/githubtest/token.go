package githubtest

import (
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// token is one that this GitHub gave to somebody.
type token struct {
	installation *Installation     // of an installation's token
	repositories map[int64]bool    // nil: all of the installation
	permissions  map[string]string // of an installation's token
	user         *Account          // of a person's token
	viaApp       bool              // the person signed in through the App
	expires      time.Time         // zero: never
}

// caller is who asks.
type caller struct {
	token        string
	app          bool // the App itself, by its key
	client       bool // the App itself, by its client secret
	installation *Installation
	repositories map[int64]bool
	permissions  map[string]string
	user         *Account
	viaApp       bool
}

func (w caller) anonymous() bool {
	return !w.app && !w.client && w.installation == nil && w.user == nil
}

// owner names who pays for a request.
func (w caller) owner() string {
	switch {
	case w.app, w.client:
		return "app"
	case w.installation != nil:
		return "installation " + w.installation.account.Login
	case w.user != nil:
		return "user " + w.user.Login
	}
	return "nobody"
}

// actor is whose deed a request is.
func (g *GitHub) actor(w caller) *Account {
	if w.user != nil {
		return w.user
	}
	return g.bot()
}

func (g *GitHub) addToken(prefix string, t *token) string {
	g.ids["token"]++
	text := prefix + secretText(prefix, g.ids["token"])[:36]
	g.tokens[text] = t
	return text
}

// UserToken is a token of a person with all that the person may do.
func (g *GitHub) UserToken(login string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.userToken(g.account(login, "User"))
}

func (g *GitHub) userToken(a *Account) string {
	for text, t := range g.tokens {
		if t.user == a && !t.viaApp {
			return text
		}
	}
	return g.addToken("ghp_", &token{user: a})
}

// Tokens counts the tokens of installations that are alive.
func (g *GitHub) Tokens() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, t := range g.tokens {
		if t.installation != nil && g.now().Before(t.expires) {
			n++
		}
	}
	return n
}

// authenticate finds out who asks.
func (g *GitHub) authenticate(r *http.Request) (caller, *answer) {
	text := ""
	if name, password, basic := r.BasicAuth(); basic {
		if name == g.app.ClientID && password == g.app.ClientSecret {
			return caller{client: true}, nil
		}
		text = password
	} else if kind, rest, found := strings.Cut(r.Header.Get("Authorization"), " "); found {
		if k := strings.ToLower(kind); k != "bearer" && k != "token" {
			return caller{}, refused("Bad credentials")
		}
		text = strings.TrimSpace(rest)
	}
	if text == "" {
		return caller{}, nil
	}
	if strings.Count(text, ".") == 2 {
		if message := g.checkJWT(text); message != "" {
			return caller{}, refused(message)
		}
		return caller{app: true}, nil
	}
	t := g.tokens[text]
	if t == nil || !t.expires.IsZero() && !g.now().Before(t.expires) {
		return caller{}, refused("Bad credentials")
	}
	if t.installation != nil {
		if g.installation(t.installation.ID) == nil || !t.installation.suspended.IsZero() {
			return caller{}, refused("Bad credentials")
		}
	}
	return caller{token: text, installation: t.installation, repositories: t.repositories, permissions: t.permissions, user: t.user, viaApp: t.viaApp}, nil
}

// checkJWT says what is wrong with the App's own token, in GitHub's words.
// GitHub docs: apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
func (g *GitHub) checkJWT(text string) string {
	var claims jwt.RegisteredClaims
	_, err := jwt.ParseWithClaims(text, &claims, func(*jwt.Token) (any, error) { return g.app.key, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation())
	now := g.now()
	switch {
	case err != nil:
		return "A JSON web token could not be decoded"
	case claims.Issuer != itoa(g.app.ID) && claims.Issuer != g.app.ClientID:
		return "Integration not found"
	case claims.IssuedAt == nil || claims.IssuedAt.After(now.Add(30*time.Second)):
		return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
	case claims.ExpiresAt == nil || !claims.ExpiresAt.After(now):
		return "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"
	case claims.ExpiresAt.After(now.Add(10*time.Minute + 30*time.Second)):
		return "'Expiration time' claim ('exp') is too far in the future"
	}
	return ""
}

func atLeast(have, want string) bool {
	rank := map[string]int{"": 0, "none": 0, "read": 1, "write": 2, "admin": 3}
	return rank[have] >= rank[want] && rank[want] > 0
}
