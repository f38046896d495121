package setup

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Credentials are what the server needs to be an App.
type Credentials struct {
	ID       int64  `json:"id"`
	Slug     string `json:"slug"`
	Page     string `json:"page"` // of the App on its GitHub
	ClientID string `json:"clientId"`
	Server   string `json:"server"` // the GitHub that it is on

	PrivateKey     []byte   `json:"-"` // PEM
	WebhookSecrets [][]byte `json:"-"`
	ClientSecret   string   `json:"-"`
}

// String keeps secrets out of logs.
func (c Credentials) String() string { return fmt.Sprintf("GitHub App %d (%s)", c.ID, c.Slug) }

// GoString keeps secrets out of logs.
func (c Credentials) GoString() string { return c.String() }

// The files of a folder of credentials.
const (
	aboutFile         = "app.json"
	privateKeyFile    = "private-key.pem"
	webhookSecretFile = "webhook-secret"
	clientSecretFile  = "client-secret"
)

// ErrNone says that a folder holds no App.
var ErrNone = errors.New("there is no GitHub App: make one with \"drydock app create\"")

// Files are where credentials lie. An empty name is the usual file in Folder.
type Files struct {
	Folder                                  string
	PrivateKey, WebhookSecret, ClientSecret string
}

func (f Files) path(given, usual string) string {
	if given != "" {
		return given
	}
	return filepath.Join(f.Folder, usual)
}

// Load reads credentials. Files that others can read are an error. An App that
// is configured by hand may have no app.json, and then ID is 0; one without a
// client secret lets nobody sign in.
func Load(f Files) (Credentials, error) {
	var c Credentials
	about, err := os.ReadFile(filepath.Join(f.Folder, aboutFile))
	switch {
	case errors.Is(err, fs.ErrNotExist) && f.PrivateKey == "":
		return c, fmt.Errorf("read %q: %w", f.Folder, ErrNone)
	case err == nil:
		if err := json.Unmarshal(about, &c); err != nil {
			return c, fmt.Errorf("read %q: %w", filepath.Join(f.Folder, aboutFile), err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return c, fmt.Errorf("read the GitHub App: %w", err)
	}
	if c.PrivateKey, err = readSecret(f.path(f.PrivateKey, privateKeyFile)); err != nil {
		return c, err
	}
	secrets, err := readSecret(f.path(f.WebhookSecret, webhookSecretFile))
	if err != nil {
		return c, err
	}
	for line := range strings.Lines(string(secrets)) {
		if line = strings.TrimSpace(line); line != "" {
			c.WebhookSecrets = append(c.WebhookSecrets, []byte(line))
		}
	}
	if len(c.WebhookSecrets) == 0 {
		return c, fmt.Errorf("read %q: it is empty: write the webhook secret of the App into it", f.path(f.WebhookSecret, webhookSecretFile))
	}
	secret, err := readSecret(f.path(f.ClientSecret, clientSecretFile))
	if err != nil && (f.ClientSecret != "" || !errors.Is(err, fs.ErrNotExist)) {
		return c, err
	}
	c.ClientSecret = strings.TrimSpace(string(secret))
	return c, nil
}

// readSecret reads a file that nobody but its owner (and, as clusters mount
// Secrets, its group) may read.
func readSecret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read a secret of the GitHub App: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		return nil, fmt.Errorf("read a secret of the GitHub App, %q: everybody can read it (mode %#o): chmod 600 it", path, mode)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read a secret of the GitHub App: %w", err)
	}
	return data, nil
}

// Save writes credentials into a folder of their own, which must hold none.
func Save(folder string, c Credentials) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("keep the GitHub App: %w", err)
	}
	about, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("keep the GitHub App: %w", err)
	}
	files := []struct {
		name string
		data []byte
	}{
		{privateKeyFile, c.PrivateKey},
		{webhookSecretFile, append(joinLines(c.WebhookSecrets), '\n')},
		{clientSecretFile, []byte(c.ClientSecret + "\n")},
		{aboutFile, append(about, '\n')}, // last: it says that the App is whole
	}
	for _, f := range files {
		if err := writeNew(filepath.Join(folder, f.name), f.data); err != nil {
			return fmt.Errorf("keep the GitHub App: %w", err)
		}
	}
	return nil
}

// Exists tells whether a folder holds an App.
func Exists(folder string) bool {
	_, err := os.Lstat(filepath.Join(folder, aboutFile))
	return err == nil
}

func joinLines(lines [][]byte) []byte {
	var all []byte
	for i, l := range lines {
		if i > 0 {
			all = append(all, '\n')
		}
		all = append(all, l...)
	}
	return all
}

func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
