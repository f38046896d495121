package githubtest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

func hookRoutes() []route {
	return []route{
		{"GET /app/hook/config", theApp, (*call).hookConfig},
		{"PATCH /app/hook/config", theApp, (*call).hookConfigChange},
		{"GET /app/hook/deliveries", theApp, (*call).deliveries},
		{"GET /app/hook/deliveries/{delivery_id}", theApp, (*call).deliveryShow},
		{"POST /app/hook/deliveries/{delivery_id}/attempts", theApp, (*call).deliveryAttempt},
	}
}

// remembered is how long GitHub keeps deliveries.
// GitHub docs: webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks
const remembered = 3 * 24 * time.Hour

func (c *call) hookConfig() answer {
	s := c.gh.hooks
	s.mu.Lock()
	defer s.mu.Unlock()
	return ok(object{"content_type": "json", "insecure_ssl": "0", "secret": "********", "url": s.address})
}

func (c *call) hookConfigChange() answer {
	var in struct{ URL, Secret string }
	if bad := c.decode(&in); bad != nil {
		return *bad
	}
	if in.Secret != "" {
		c.gh.app.WebhookSecret = in.Secret
	}
	if in.URL != "" {
		c.gh.hooks.mu.Lock()
		c.gh.hooks.address = in.URL
		c.gh.hooks.mu.Unlock()
	}
	return c.hookConfig()
}

func (d *Delivery) json() object {
	number := func(n int64) any {
		if n == 0 {
			return nil
		}
		return n
	}
	return object{
		"id": d.ID, "guid": d.GUID, "delivered_at": d.At.Format("2006-01-02T15:04:05.000Z"), "redelivery": d.Redelivery, "duration": d.Took.Seconds(),
		"status": d.Status, "status_code": d.Code, "event": d.Event, "action": orNull(d.Action), "installation_id": number(d.Installation),
		"repository_id": number(d.Repository), "throttled_at": nil,
	}
}

// deliveries lists those that were attempted, the newest first; one asks on with a
// cursor.
func (c *call) deliveries() answer {
	q := c.r.URL.Query()
	size := min(max(c.number("per_page", 30), 1), 100)
	before, _ := strconv.ParseInt(strings.TrimPrefix(q.Get("cursor"), "v1_"), 10, 64)
	s := c.gh.hooks
	s.mu.Lock()
	defer s.mu.Unlock()
	a := answer{status: http.StatusOK}
	out := []object{}
	oldest := c.gh.now().Add(-remembered)
	for i := len(s.all) - 1; i >= 0; i-- {
		d := s.all[i]
		switch {
		case !d.Attempted, before > 0 && d.ID >= before, d.At.Before(oldest), q.Get("redelivery") != "" && q.Get("redelivery") != strconv.FormatBool(d.Redelivery):
			continue
		case q.Get("status") == "success" && d.Status != "OK", q.Get("status") == "failure" && d.Status == "OK":
			continue
		}
		if len(out) == size {
			u := url.URL{Path: c.r.URL.Path}
			q.Set("cursor", "v1_"+itoa(out[size-1]["id"].(int64)))
			u.RawQuery = q.Encode()
			a.setHeader("Link", "<"+c.gh.url+u.RequestURI()+`>; rel="next"`)
			break
		}
		out = append(out, d.json())
	}
	a.body = out
	return a
}

func (c *call) deliveryShow() answer {
	id, _ := strconv.ParseInt(c.r.PathValue("delivery_id"), 10, 64)
	s := c.gh.hooks
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.all {
		if d.ID != id || !d.Attempted {
			continue
		}
		out := d.json()
		headers := func(h http.Header) object {
			all := object{}
			for name := range h {
				all[name] = h.Get(name)
			}
			return all
		}
		out["url"] = s.address
		out["request"] = object{"headers": headers(d.Sent), "payload": d.Payload}
		out["response"] = object{"headers": headers(d.Received), "payload": d.Answer}
		return ok(out)
	}
	return *notFound()
}

func (c *call) deliveryAttempt() answer {
	id, _ := strconv.ParseInt(c.r.PathValue("delivery_id"), 10, 64)
	if !c.gh.redeliver(id) {
		return *notFound()
	}
	return answer{status: http.StatusAccepted, body: object{}}
}
