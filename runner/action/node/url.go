package node

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	maxDownload     = 512 << 20
	maxSums         = 1 << 20
	downloadTimeout = 15 * time.Minute
)

func isURL(source string) bool {
	return strings.HasPrefix(source, "https://") || strings.HasPrefix(source, "http://")
}

// fromURL downloads a build. A folder's archive is compared with the folder's
// SHASUMS256.txt.
func (p *Provider) fromURL(ctx context.Context, t target, major int) (Build, error) {
	address := strings.NewReplacer("{major}", strconv.Itoa(major), "{os}", t.os, "{arch}", t.arch, "{libc}", t.libc(), "{musl}", t.suffix()).Replace(p.Source)
	fail := func(err error) (Build, error) {
		return Build{}, fmt.Errorf("the source %q: %w", redact(address), err)
	}
	if p.Offline {
		return fail(errors.New("the network is not used"))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, downloadTimeout, fmt.Errorf("it took longer than %s", downloadTimeout))
	defer cancel()
	version, sum := strconv.Itoa(major), ""
	if strings.HasSuffix(address, "/") {
		name, want, err := p.listed(ctx, address, t, major)
		if err != nil {
			return fail(err)
		}
		address, sum = address+name, want
		version, _, _ = strings.Cut(strings.TrimPrefix(name, "node-v"), "-")
	} else if !strings.HasSuffix(address, ".tar.gz") {
		return fail(errors.New("a source URL ends in \"/\" or \".tar.gz\""))
	} else if !strings.Contains(p.Source, "{major}") && !strings.Contains(address, fmt.Sprintf("node-v%d.", major)) {
		return fail(fmt.Errorf("it does not name node %d: write {major} where the version stands", major))
	}
	file, err := p.download(ctx, address, sum)
	if err != nil {
		return fail(err)
	}
	defer os.Remove(file)
	if named, _, ok := strings.Cut(address[strings.LastIndex(address, "/")+1:], "-"+t.os+"-"); ok && majorOf(strings.TrimPrefix(named, "node-v")) == major {
		version = strings.TrimPrefix(named, "node-v")
	}
	return p.install(ctx, t, candidate{
		major: major, version: version, what: fmt.Sprintf("the source %q", redact(address)),
		open: func() (io.ReadCloser, error) { return openArchive(file, t) },
	})
}

// listed finds the newest archive of a major in SHASUMS256.txt.
func (p *Provider) listed(ctx context.Context, folder string, t target, major int) (name, sum string, err error) {
	body, err := p.open(ctx, folder+"SHASUMS256.txt")
	if err != nil {
		return "", "", err
	}
	defer body.Close()
	tail := "-" + t.os + "-" + t.arch + t.suffix() + ".tar.gz"
	best := ""
	for lines := bufio.NewScanner(io.LimitReader(body, maxSums)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) != 2 || len(fields[0]) != 2*sha256.Size {
			continue
		}
		version, ours := strings.CutPrefix(fields[1], "node-v")
		version, fits := strings.CutSuffix(version, tail)
		if !ours || !fits || strings.Trim(version, "0123456789.") != "" || majorOf(version) != major {
			continue
		}
		if best == "" || newer(version, best) {
			best, name, sum = version, fields[1], strings.ToLower(fields[0])
		}
	}
	if best == "" {
		return "", "", fmt.Errorf("its SHASUMS256.txt lists no node-v%d.*%s", major, tail)
	}
	return name, sum, nil
}

// download gives a temporary file, checked against sum unless that is "".
func (p *Provider) download(ctx context.Context, address, sum string) (file string, err error) {
	body, err := p.open(ctx, address)
	if err != nil {
		return "", err
	}
	defer body.Close()
	if err := os.MkdirAll(p.Dir, 0o755); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(p.Dir, ".tmp-*.tar.gz")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, h), io.LimitReader(body, maxDownload+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	if n > maxDownload {
		return "", fmt.Errorf("it is larger than %d bytes", maxDownload)
	}
	if got := hex.EncodeToString(h.Sum(nil)); sum != "" && got != sum {
		return "", fmt.Errorf("its SHA-256 is %s, but SHASUMS256.txt says %s", got, sum)
	}
	return f.Name(), nil
}

func (p *Provider) open(ctx context.Context, address string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, withoutURL(err)
	}
	client := p.Client
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, withoutURL(err)
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("the server answers %s", response.Status)
	}
	return response.Body, nil
}

// withoutURL drops the address from an error: a password may stand in it.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func redact(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the URL"
	}
	return u.Redacted()
}
