package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/api"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Client asks one server.
type Client struct {
	URL   string // without a slash at the end
	Token string // for Authorization: Bearer
	HTTP  *http.Client
}

// New checks the server's address. A token is only sent over https, or to this
// machine.
func New(server, token string) (*Client, error) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, fmt.Errorf("server %q: give its address, such as https://drydock.example.com", server)
	}
	if u.Scheme == "http" && token != "" && !Local(u) {
		return nil, fmt.Errorf("server %q: a token is only sent over https", server)
	}
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &Client{URL: strings.TrimRight(server, "/"), Token: token, HTTP: c}, nil
}

// Local tells whether an address is of this machine.
func Local(u *url.URL) bool {
	h := u.Hostname()
	return h == "localhost" || h == "::1" || strings.HasPrefix(h, "127.")
}

// Page is a list of runs; Next is Query.Before of the following one, 0 at the end.
type Page struct {
	Runs []api.Run   `json:"runs"`
	Next store.RunID `json:"next"`
}

// Runs lists runs, the newest first.
func (c *Client) Runs(ctx context.Context, q api.Query) (Page, error) {
	v := url.Values{}
	for name, text := range map[string]string{
		"repository": q.Repository, "workflow": q.Workflow, "event": q.Event, "branch": q.Branch, "actor": q.Actor,
		"state": string(q.State), "conclusion": string(q.Conclusion), "q": q.Text,
	} {
		if text != "" {
			v.Set(name, text)
		}
	}
	if q.Before != 0 {
		v.Set("before", strconv.FormatInt(int64(q.Before), 10))
	}
	if q.Limit != 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	var p Page
	err := c.call(ctx, http.MethodGet, "/api/v1/runs?"+v.Encode(), nil, &p)
	return p, err
}

// Run is one run; attempt 0 is the latest.
func (c *Client) Run(ctx context.Context, id store.RunID, attempt int) (api.Run, error) {
	path := runPath(id)
	if attempt != 0 {
		path += "?attempt=" + strconv.Itoa(attempt)
	}
	var r api.Run
	err := c.call(ctx, http.MethodGet, path, nil, &r)
	return r, err
}

// Cancel cancels a run; force also stops what a cancelled run lets go on.
func (c *Client) Cancel(ctx context.Context, id store.RunID, force bool) error {
	return c.call(ctx, http.MethodPost, runPath(id)+"/cancel", map[string]any{"force": force}, nil)
}

// Rerun starts another attempt: what is all, failed, or job with its id.
func (c *Client) Rerun(ctx context.Context, id store.RunID, what string, job plan.LegID) (attempt int, err error) {
	var answer struct {
		Attempt int `json:"attempt"`
	}
	err = c.call(ctx, http.MethodPost, runPath(id)+"/rerun", map[string]any{"what": what, "job": job}, &answer)
	return answer.Attempt, err
}

// Dispatch starts a workflow. The path may be its file's name alone.
func (c *Client) Dispatch(ctx context.Context, repository, workflow, ref string, inputs map[string]string) (store.RunID, error) {
	owner, name, ok := strings.Cut(repository, "/")
	if !ok {
		return 0, fmt.Errorf("repository %q: give owner/name", repository)
	}
	var answer struct {
		Run store.RunID `json:"run"`
	}
	path := "/api/v1/repositories/" + url.PathEscape(owner) + "/" + url.PathEscape(name) + "/dispatch"
	err := c.call(ctx, http.MethodPost, path, map[string]any{"workflow": workflow, "ref": ref, "inputs": inputs}, &answer)
	return answer.Run, err
}

func runPath(id store.RunID) string { return "/api/v1/runs/" + strconv.FormatInt(int64(id), 10) }

const maxAnswer = 64 << 20

// call makes one request. A refusal is an *api.Error in the chain.
func (c *Client) call(ctx context.Context, method, path string, body, answer any) error {
	var send io.Reader = http.NoBody
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("ask %s: %w", c.URL, err)
		}
		send = bytes.NewReader(data)
	}
	res, err := c.do(ctx, method, path, send, "application/json")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if answer == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(answer); err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.URL, err)
	}
	return nil
}

func (c *Client) do(ctx context.Context, method, path string, body io.Reader, accept string, headers ...string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.URL+path, body)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", c.URL, err)
	}
	req.Header.Set("Accept", accept)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the server: %w", err)
	}
	if res.StatusCode/100 == 2 {
		return res, nil
	}
	defer res.Body.Close()
	var refusal struct {
		Error *api.Error `json:"error"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&refusal); err != nil || refusal.Error == nil {
		return nil, fmt.Errorf("ask %s: it answered %s: is it a Drydock server?", c.URL, res.Status)
	}
	refusal.Error.Status = res.StatusCode
	return nil, fmt.Errorf("ask %s: %w", c.URL, refusal.Error)
}
