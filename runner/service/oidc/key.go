package oidc

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

const (
	keyBits    = 2048
	maxKeyFile = 64 << 10
	pemType    = "PRIVATE KEY"
)

// keys holds the one signing key. It is read or made at the first use, since
// making one takes up to a second.
type keys struct {
	path string // "": the key lives in memory only

	mu  sync.Mutex
	key *rsa.PrivateKey
	id  string
}

// current returns the key and its id. A failure is not kept: the next call
// tries again.
func (k *keys) current() (*rsa.PrivateKey, string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.key != nil {
		return k.key, k.id, nil
	}
	key, err := k.load()
	if err != nil {
		return nil, "", err
	}
	k.key, k.id = key, thumbprint(&key.PublicKey)
	return k.key, k.id, nil
}

func (k *keys) load() (*rsa.PrivateKey, error) {
	if k.path == "" {
		return rsa.GenerateKey(rand.Reader, keyBits)
	}
	key, err := readKey(k.path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if key, err = rsa.GenerateKey(rand.Reader, keyBits); err != nil {
		return nil, fmt.Errorf("making the key that identity tokens are signed with: %w", err)
	}
	switch err := writeKey(k.path, key); {
	case errors.Is(err, fs.ErrExist): // another process was faster
		return readKey(k.path)
	case err != nil:
		return nil, err
	}
	return key, nil
}

func readKey(path string) (*rsa.PrivateKey, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the key that identity tokens are signed with: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("reading the key that identity tokens are signed with: %w", err)
	}
	if open := info.Mode().Perm() & 0o077; open != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("the key file %q can be used by others (mode %#o): run \"chmod 600\" on it, or remove it so that a new key is made", path, info.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile))
	if err != nil {
		return nil, fmt.Errorf("reading the key that identity tokens are signed with, %q: %w", path, err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != pemType {
		return nil, fmt.Errorf("the key file %q holds no PEM block %q: remove it so that a new key is made", path, pemType)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the key file %q: %w: remove it so that a new key is made", path, err)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok || key.N.BitLen() < keyBits {
		return nil, fmt.Errorf("the key file %q holds no RSA key of at least %d bits: remove it so that a new key is made", path, keyBits)
	}
	return key, nil
}

// writeKey puts the key at path if nothing is there, else the error is
// fs.ErrExist. The file is never there half.
func writeKey(path string, key *rsa.PrivateKey) error {
	const doing = "writing the key that identity tokens are signed with"
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	defer os.Remove(file.Name())
	err = pem.Encode(file, &pem.Block{Type: pemType, Bytes: der})
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if err := os.Link(file.Name(), path); err != nil { // unlike a rename, it replaces nothing
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// jwk is a public key as /.well-known/jwks gives it.
type jwk struct {
	Kty string `json:"kty"`
	Alg string `json:"alg"`
	Use string `json:"use"`
	Kid string `json:"kid"`
	N   string `json:"n"`
	E   string `json:"e"`
}

func published(key *rsa.PublicKey, id string) jwk {
	n, e := numbers(key)
	return jwk{Kty: "RSA", Alg: "RS256", Use: "sig", Kid: id, N: n, E: e}
}

// thumbprint names a key (RFC 7638).
func thumbprint(key *rsa.PublicKey) string {
	n, e := numbers(key)
	sum := sha256.Sum256([]byte(`{"e":"` + e + `","kty":"RSA","n":"` + n + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func numbers(key *rsa.PublicKey) (n, e string) {
	return base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
		base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes())
}
