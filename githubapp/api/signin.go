package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// SignIn is the App's user authorisation. GitHub docs:
// generating-a-user-access-token-for-a-github-app. The token that it yields says
// once who the person is, and is forgotten.
type SignIn struct {
	ClientID, ClientSecret string
	Web, API               string // of GitHub, each ending in a slash; see auth.Endpoints
	Transport              http.RoundTripper
}

// attempt is a sign-in that has begun: a sealed cookie of the browser.
type attempt struct {
	State    string    `json:"state"`
	Verifier string    `json:"verifier"`
	Back     string    `json:"back"`
	Expires  time.Time `json:"expires"`
}

func (s *Server) login(c *call) error {
	if s.SignIn == nil {
		return notHere("sign people in with GitHub")
	}
	a := attempt{State: randomText(), Verifier: randomText() + randomText(), Back: local(c.r.URL.Query().Get("back")), Expires: s.Now().Add(stateLife)}
	value, err := s.seal.seal("sign-in", a)
	if err != nil {
		return err
	}
	s.setCookie(c.w, "sign-in", value, stateLife)
	challenge := sha256.Sum256([]byte(a.Verifier))
	http.Redirect(c.w, c.r, s.SignIn.Web+"login/oauth/authorize?"+url.Values{
		"client_id": {s.SignIn.ClientID}, "redirect_uri": {s.URL + "/auth/callback"}, "state": {a.State},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}.Encode(), http.StatusFound)
	return nil
}

// local keeps a way back on this server: a path, and nothing that a browser
// takes for another host.
func local(back string) string {
	u, err := url.Parse(back)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.ContainsAny(back, "\\\r\n\t") {
		return "/"
	}
	return u.RequestURI()
}

func (s *Server) callback(c *call) error {
	if s.SignIn == nil {
		return notHere("sign people in with GitHub")
	}
	again := refuse(http.StatusBadRequest, CodeBadRequest, "sign in again", "the sign-in has expired, or was begun elsewhere")
	cookie, err := c.r.Cookie(s.cookieName("sign-in"))
	if err != nil {
		return again
	}
	s.setCookie(c.w, "sign-in", "", 0)
	var a attempt
	q := c.r.URL.Query()
	if s.seal.open("sign-in", cookie.Value, &a) != nil || !s.Now().Before(a.Expires) || a.State == "" || q.Get("state") != a.State {
		return again
	}
	if q.Get("code") == "" {
		return refuse(http.StatusForbidden, CodeForbidden, "sign in again", "GitHub did not let you in: %s", q.Get("error"))
	}
	token, err := s.SignIn.exchange(c.r.Context(), q.Get("code"), a.Verifier, s.URL+"/auth/callback")
	if err != nil {
		s.Log.Warn("sign-in failed", "err", err)
		return refuse(http.StatusBadGateway, CodeUnavailable, "sign in again", "GitHub did not confirm the sign-in")
	}
	u, err := s.SignIn.user(c.r.Context(), token)
	if err != nil {
		s.Log.Warn("sign-in failed", "err", err)
		return refuse(http.StatusBadGateway, CodeUnavailable, "sign in again", "GitHub did not say who you are")
	}
	if err := s.begin(c.w, u, false); err != nil {
		return err
	}
	http.Redirect(c.w, c.r, a.Back, http.StatusFound)
	return nil
}

// signInLocal makes a session of the token of this machine.
func (s *Server) signInLocal(c *call) error {
	var body struct {
		Token string `json:"token"`
	}
	if err := readJSON(c, &body); err != nil {
		return err
	}
	if err := http.NewCrossOriginProtection().Check(c.r); err != nil {
		return refuse(http.StatusForbidden, CodeCSRF, "", "the request does not come from this server's page")
	}
	if !s.isLocalToken(body.Token) || !fromHere(c.r) {
		return refuse(http.StatusUnauthorized, CodeSignIn, "it is in the file that the server named when it started, and good on its own machine only", "the token is not accepted")
	}
	if err := s.begin(c.w, User{}, true); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) logout(c *call) error {
	s.setCookie(c.w, "session", "", 0)
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (i *SignIn) exchange(ctx context.Context, code, verifier, redirect string) (string, error) {
	form := url.Values{"client_id": {i.ClientID}, "client_secret": {i.ClientSecret}, "code": {code}, "code_verifier": {verifier}, "redirect_uri": {redirect}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.Web+"login/oauth/access_token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("exchange a sign-in code: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var answer struct {
		AccessToken string `json:"access_token"`
		Error       string `json:"error"` // with status 200
	}
	if err := i.ask(req, &answer); err != nil {
		return "", fmt.Errorf("exchange a sign-in code: %w", err)
	}
	if answer.AccessToken == "" {
		return "", fmt.Errorf("exchange a sign-in code: GitHub said %q", answer.Error)
	}
	return answer.AccessToken, nil
}

// holder is who sends a token by hand. Every App and program that somebody has let
// in holds a token of theirs: it counts only when it was made for this App, or by
// the person's own hand. GitHub docs: githubs-token-formats
func (i *SignIn) holder(ctx context.Context, token string) (User, error) {
	switch {
	case strings.HasPrefix(token, "ghp_"), strings.HasPrefix(token, "github_pat_"):
		return i.user(ctx, token)
	case strings.HasPrefix(token, "ghu_"):
		return i.ours(ctx, token)
	}
	return User{}, errors.New("it is no token of this App and no personal access token")
}

// ours asks GitHub who a token belongs to if it was made for this App. GitHub docs:
// rest/apps/oauth-applications, check a token
func (i *SignIn) ours(ctx context.Context, token string) (User, error) {
	body, err := json.Marshal(map[string]string{"access_token": token})
	if err != nil {
		return User{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.API+"applications/"+url.PathEscape(i.ClientID)+"/token", bytes.NewReader(body))
	if err != nil {
		return User{}, fmt.Errorf("ask whether a token is of this App: %w", err)
	}
	req.SetBasicAuth(i.ClientID, i.ClientSecret)
	req.Header.Set("Content-Type", "application/json")
	var answer struct {
		User User `json:"user"`
	}
	if err := i.ask(req, &answer); err != nil {
		return User{}, fmt.Errorf("ask whether a token is of this App: %w", err)
	}
	return answer.User.named()
}

// user asks GitHub whose token it is.
func (i *SignIn) user(ctx context.Context, token string) (User, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, i.API+"user", http.NoBody)
	if err != nil {
		return User{}, fmt.Errorf("ask who a token belongs to: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	var u User
	if err := i.ask(req, &u); err != nil {
		return User{}, fmt.Errorf("ask who a token belongs to: %w", err)
	}
	return u.named()
}

func (u User) named() (User, error) {
	if u.ID <= 0 || u.Login == "" {
		return User{}, errors.New("ask who a token belongs to: GitHub names nobody")
	}
	return u, nil
}

func (i *SignIn) ask(req *http.Request, v any) error {
	req.Header.Set("Accept", "application/json")
	client := http.Client{Transport: i.Transport, Timeout: 15 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", res.StatusCode)
	}
	return json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(v)
}
