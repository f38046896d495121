package vault

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/crypto/nacl/secretbox"
)

// Errors of Open; they come wrapped.
var (
	// ErrNoKey: it was sealed with a key that is not here.
	ErrNoKey = errors.New("it was sealed with a key that the vault does not have")
	// ErrForged: it was changed, or sealed for another purpose.
	ErrForged = errors.New("it was changed, or sealed for something else")
)

// Sealed bytes: a version, the key's id, a nonce, the box.
const (
	version    = 1
	nonceBytes = 24
	headBytes  = 1 + 4 + nonceBytes
)

// Seal encrypts for a purpose. Each purpose has a key of its own, so that nothing
// opens for another one.
func (k Keys) Seal(purpose string, plain []byte) ([]byte, error) {
	if len(k.all) == 0 {
		return nil, errors.New("seal: there is no key")
	}
	box, err := k.all[0].derive(purpose)
	if err != nil {
		return nil, err
	}
	out := make([]byte, headBytes, headBytes+len(plain)+secretbox.Overhead)
	out[0] = version
	copy(out[1:], k.all[0].id[:])
	var nonce [nonceBytes]byte
	_, _ = rand.Read(nonce[:]) // it never fails: crypto/rand
	copy(out[5:], nonce[:])
	return secretbox.Seal(out, plain, &nonce, box), nil
}

// Open decrypts what was sealed for the purpose, with any of the keys.
func (k Keys) Open(purpose string, sealed []byte) ([]byte, error) {
	if len(sealed) < headBytes || sealed[0] != version {
		return nil, fmt.Errorf("open what was sealed for %q: %w", purpose, ErrForged)
	}
	for _, candidate := range k.all {
		if [4]byte(sealed[1:5]) != candidate.id {
			continue
		}
		box, err := candidate.derive(purpose)
		if err != nil {
			return nil, err
		}
		nonce := [nonceBytes]byte(sealed[5:headBytes])
		plain, ok := secretbox.Open(nil, sealed[headBytes:], &nonce, box)
		if !ok {
			return nil, fmt.Errorf("open what was sealed for %q: %w", purpose, ErrForged)
		}
		return plain, nil
	}
	return nil, fmt.Errorf("open what was sealed for %q: %w", purpose, ErrNoKey)
}

func (k key) derive(purpose string) (*[keyBytes]byte, error) {
	raw, err := hkdf.Key(sha256.New, k.secret[:], nil, "drydock vault 1 "+purpose, keyBytes)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	return (*[keyBytes]byte)(raw), nil
}

// Derive is a key of 32 bytes for another purpose than sealing here, the same on
// all servers that have the same newest key.
func (k Keys) Derive(purpose string) ([]byte, error) {
	if len(k.all) == 0 {
		return nil, errors.New("derive a key: there is none")
	}
	return hkdf.Key(sha256.New, k.all[0].secret[:], nil, "drydock derived 1 "+purpose, keyBytes)
}
