package api

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// sealer makes values that only this server can read and make. What was sealed
// for one purpose does not open for another.
type sealer struct {
	aead cipher.AEAD
	mac  []byte
}

func newSealer(key []byte) (sealer, error) {
	seal, err := hkdf.Key(sha256.New, key, nil, "drydock cookies", 32)
	if err != nil {
		return sealer{}, fmt.Errorf("derive the key of cookies: %w", err)
	}
	mac, err := hkdf.Key(sha256.New, key, nil, "drydock csrf", 32)
	if err != nil {
		return sealer{}, fmt.Errorf("derive the key of CSRF tokens: %w", err)
	}
	block, err := aes.NewCipher(seal)
	if err != nil {
		return sealer{}, fmt.Errorf("use the key of cookies: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	return sealer{aead, mac}, err
}

func (s sealer) seal(purpose string, v any) (string, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("seal a %s: %w", purpose, err)
	}
	nonce := make([]byte, s.aead.NonceSize())
	_, _ = rand.Read(nonce)
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nonce, nonce, plain, []byte(purpose))), nil
}

func (s sealer) open(purpose, text string, v any) error {
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(sealed) < s.aead.NonceSize() {
		return errors.New("open a " + purpose + ": it is not one of this server")
	}
	n := s.aead.NonceSize()
	plain, err := s.aead.Open(nil, sealed[:n], sealed[n:], []byte(purpose))
	if err != nil {
		return fmt.Errorf("open a %s: it is not one of this server", purpose)
	}
	return json.Unmarshal(plain, v)
}

// csrf is the token that goes with a session.
func (s sealer) csrf(session string) string {
	m := hmac.New(sha256.New, s.mac)
	m.Write([]byte(session))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

func randomText() string {
	b := make([]byte, 24)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}
