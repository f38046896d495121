package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
)

// The event is the one that CDEvents has for what happened, an artifact that was
// published: tools that know CDEvents understand it without knowing us. What has no
// field there is its customData. (CDEvents 0.5.1: continuous-integration.md,
// schemas/artifactpublished.json.)
const (
	eventType    = "dev.cdevents.artifact.published.0.3.0"
	cdEvents     = "0.5.1"
	cloudEvents  = "1.0"
	contentType  = "application/cloudevents+json; charset=utf-8" // structured mode
	signedHeader = "X-Hub-Signature-256"
)

// cloudEvent is CloudEvents' JSON format.
type cloudEvent struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Data            cdEvent   `json:"data"`
}

// cdEvent repeats the identity of its envelope (CDEvents: cloudevents-binding.md).
type cdEvent struct {
	Context    eventContext `json:"context"`
	Subject    eventSubject `json:"subject"`
	CustomData facts        `json:"customData"`
}

type eventContext struct {
	SpecVersion string    `json:"specversion"`
	ID          string    `json:"id"`
	Source      string    `json:"source"`
	Type        string    `json:"type"`
	Timestamp   time.Time `json:"timestamp"`
}

type eventSubject struct {
	ID      string   `json:"id"`
	Content struct{} `json:"content"`
}

// event is what a webhook gets. Its id is that of the run and the service, however
// often it is sent.
func (n *Notifier) event(to declaration.Notification, r pipeline.Request, result pipeline.Result) (message, error) {
	m := message{client: n.webhooks, to: "the webhook", address: to.Webhook.Text, header: http.Header{"Content-Type": {contentType}}}
	address, err := url.Parse(m.address)
	if err != nil {
		return m, fmt.Errorf("its address is no URL")
	}
	m.to = fmt.Sprintf("the webhook at %q", address.Scheme+"://"+address.Host)
	id, subject, now := n.Run+"."+result.Service, purl(result.Image), n.Now().UTC()
	m.body, err = json.Marshal(cloudEvent{
		SpecVersion: cloudEvents, ID: id, Source: n.Source, Type: eventType, Subject: subject, Time: now, DataContentType: "application/json",
		Data: cdEvent{
			Context: eventContext{SpecVersion: cdEvents, ID: id, Source: n.Source, Type: eventType, Timestamp: now},
			Subject: eventSubject{ID: subject}, CustomData: n.facts(r, result),
		},
	})
	if err != nil || !to.Secret.Given() {
		return m, err
	}
	var secret string
	var ok bool
	if n.Lookup != nil {
		secret, ok = n.Lookup(to.Secret.Text)
	}
	if !ok || secret == "" {
		return m, fmt.Errorf("the secret %s that signs its events is not there: set it, or leave \"secret\" out", to.Secret.Text)
	}
	m.header.Set(signedHeader, sign(m.body, secret))
	return m, nil
}

// sign is how GitHub signs its webhooks (GitHub docs: "Validating webhook
// deliveries"), so that receivers of those can check ours.
func sign(body []byte, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}
