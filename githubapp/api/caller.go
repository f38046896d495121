package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// Caller is who asks.
type Caller struct {
	User  User
	Admin bool // of this server
	Local bool // came with the token of this machine: may do everything

	cookie  bool // a browser's session, which needs a CSRF token to write
	session string
}

func (c Caller) known() bool { return c.Local || c.User.ID != 0 }

// actor is the caller as the store keeps it. Who works on the machine itself has
// no account; the number stands for it.
func (c Caller) actor() store.Actor {
	if c.Local {
		return store.Actor{ID: -1, Login: "local"}
	}
	return store.Actor{ID: c.User.ID, Login: c.User.Login}
}

// session is what a browser's cookie holds, sealed. There is no token in it.
type session struct {
	ID      string    `json:"id"`
	User    User      `json:"user"`
	Local   bool      `json:"local,omitempty"`
	Expires time.Time `json:"expires"`
}

const (
	sessionLife = 8 * time.Hour
	stateLife   = 10 * time.Minute
)

// whoIs finds the caller. Nobody at all is no error.
func (s *Server) whoIs(r *http.Request) (Caller, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		return s.bearer(r, header)
	}
	cookie, err := r.Cookie(s.cookieName("session"))
	if err != nil {
		return Caller{}, nil //nolint:nilerr // nobody is signed in
	}
	var v session
	if s.seal.open("session", cookie.Value, &v) != nil || !s.Now().Before(v.Expires) || v.Local && (s.LocalToken == "" || !fromHere(r)) {
		return Caller{}, nil //nolint:nilerr // nobody is signed in any more
	}
	return Caller{User: v.User, Local: v.Local, Admin: v.Local || s.isAdmin(v.User), cookie: true, session: v.ID}, nil
}

func (s *Server) bearer(r *http.Request, header string) (Caller, error) {
	refused := refuse(http.StatusUnauthorized, CodeSignIn, "give a personal access token, one of a sign-in to this App, or the token of this machine", "the token is not accepted")
	scheme, token, _ := strings.Cut(header, " ")
	if token = strings.TrimSpace(token); !strings.EqualFold(scheme, "Bearer") || token == "" {
		return Caller{}, refused
	}
	if s.isLocalToken(token) {
		if !fromHere(r) {
			return Caller{}, refuse(http.StatusUnauthorized, CodeSignIn, "sign in with GitHub", "that token is only good on the server's own machine")
		}
		return Caller{Local: true, Admin: true}, nil
	}
	if s.SignIn == nil {
		return Caller{}, refused
	}
	u, err := s.known.user(r.Context(), token, s.Now, s.SignIn.holder)
	if err != nil {
		s.Log.Info("a token was refused", "err", err)
		return Caller{}, refused
	}
	return Caller{User: u, Admin: s.isAdmin(u)}, nil
}

func (s *Server) isLocalToken(token string) bool {
	return s.LocalToken != "" && subtle.ConstantTimeCompare([]byte(token), []byte(s.LocalToken)) == 1
}

func (s *Server) isAdmin(u User) bool {
	return u.ID != 0 && slices.ContainsFunc(s.Admins, func(a string) bool {
		return a == strconv.FormatInt(u.ID, 10) || strings.EqualFold(a, u.Login)
	})
}

// checkCSRF refuses writes that another page made the browser do.
func (s *Server) checkCSRF(c *call) error {
	err := http.NewCrossOriginProtection().Check(c.r)
	if given := c.r.Header.Get("Drydock-CSRF"); err != nil || subtle.ConstantTimeCompare([]byte(given), []byte(s.seal.csrf(c.caller.session))) != 1 {
		return refuse(http.StatusForbidden, CodeCSRF, "send the header Drydock-CSRF with csrf of /api/v1/me", "the request does not come from this server's page")
	}
	return nil
}

// cookieName tells servers on one machine apart: browsers send a cookie to every
// port of a host. The prefix makes browsers keep it to this host and https.
func (s *Server) cookieName(kind string) string {
	name := "drydock-" + kind
	if s.base.Scheme == "https" {
		return "__Host-" + name
	}
	return name + "-" + s.base.Port()
}

func (s *Server) setCookie(w http.ResponseWriter, kind, value string, life time.Duration) {
	age := int(life.Seconds())
	if value == "" {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: s.cookieName(kind), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: s.base.Scheme == "https", SameSite: http.SameSiteLaxMode,
	})
}

// begin signs somebody in.
func (s *Server) begin(w http.ResponseWriter, u User, local bool) error {
	value, err := s.seal.seal("session", session{ID: randomText(), User: u, Local: local, Expires: s.Now().Add(sessionLife)})
	if err != nil {
		return err
	}
	s.setCookie(w, "session", value, sessionLife)
	return nil
}

// identities remember for a minute whom GitHub named for a token, by its hash.
type identities struct {
	mu   sync.Mutex
	seen map[[sha256.Size]byte]identity
}

type identity struct {
	user  User
	until time.Time
}

const (
	rememberIdentity = time.Minute
	maxIdentities    = 10000
)

func (i *identities) user(ctx context.Context, token string, now func() time.Time, ask func(context.Context, string) (User, error)) (User, error) {
	key := sha256.Sum256([]byte(token))
	i.mu.Lock()
	known, ok := i.seen[key]
	i.mu.Unlock()
	if ok && now().Before(known.until) {
		return known.user, nil
	}
	u, err := ask(ctx, token)
	if err != nil {
		return User{}, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.seen == nil || len(i.seen) >= maxIdentities {
		i.seen = map[[sha256.Size]byte]identity{}
	}
	i.seen[key] = identity{u, now().Add(rememberIdentity)}
	return u, nil
}
