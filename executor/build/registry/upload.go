package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// upload sends one blob. When it is cut off the registry is asked what it has,
// and the rest is sent; one that cannot tell gets it from the start.
type upload struct {
	repo     *repository
	path     string
	blob     ocispec.Descriptor
	location string // where to send to; empty: not begun
	offset   int64  // what the registry has
	resumed  bool   // it has parts of several tries
}

func (u *upload) run(ctx context.Context) error {
	if info, err := os.Stat(u.path); err != nil {
		return err
	} else if info.Size() != u.blob.Size {
		return fmt.Errorf("layer %s has %d bytes here, not %d", u.blob.Digest, info.Size(), u.blob.Size)
	}
	return u.repo.retry(ctx, func() error {
		if err := u.resume(ctx); err != nil {
			return err
		}
		if u.offset < u.blob.Size || u.blob.Size == 0 {
			if err := u.send(ctx); err != nil {
				return err
			}
		}
		err := u.commit(ctx)
		var answer *transport.Error
		if errors.As(err, &answer) { // what it has is of no use
			u.location = ""
			if u.resumed && hasCode(answer, transport.DigestInvalidErrorCode) {
				return fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err)
			}
		}
		return err
	})
}

// resume finds out where to go on, or begins.
func (u *upload) resume(ctx context.Context) error {
	if u.location != "" {
		resp, err := u.repo.send(ctx, http.MethodGet, u.location, nil, nil, http.StatusNoContent, http.StatusAccepted, http.StatusOK)
		if err == nil {
			resp.Body.Close()
			if end, ok := received(resp.Header.Get("Range")); ok && end <= u.blob.Size {
				u.offset, u.resumed = end, true
				return u.next(resp)
			}
		} else if passing(err) {
			return err
		}
	}
	u.offset, u.resumed = 0, false
	resp, err := u.repo.send(ctx, http.MethodPost, u.repo.url("blobs", "uploads/"), nil, nil, http.StatusAccepted)
	if err != nil {
		return err
	}
	resp.Body.Close()
	return u.next(resp)
}

// received reads the Range of an upload, "0-N", which is N+1 bytes. Nothing at all
// is "0-0" or no header; that one byte more may be there is asked again.
func received(header string) (int64, bool) {
	from, to, ok := strings.Cut(strings.TrimPrefix(header, "bytes="), "-")
	n, err := strconv.ParseInt(to, 10, 64)
	if !ok || err != nil || from != "0" || n <= 0 {
		return 0, false
	}
	return n + 1, true
}

// send sends the rest.
func (u *upload) send(ctx context.Context) error {
	body := func() (io.ReadCloser, error) {
		f, err := os.Open(u.path)
		if err != nil {
			return nil, err
		}
		return section{io.NewSectionReader(f, u.offset, u.blob.Size-u.offset), f}, nil
	}
	r, err := body()
	if err != nil {
		return err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPatch, u.location, r)
	if err != nil {
		r.Close()
		return err
	}
	q.GetBody, q.ContentLength = body, u.blob.Size-u.offset
	q.Header.Set("Content-Type", "application/octet-stream")
	if u.offset > 0 { // the first is a stream: some registries take no other
		q.Header.Set("Content-Range", fmt.Sprintf("%d-%d", u.offset, u.blob.Size-1))
	}
	resp, err := u.repo.do(q, http.StatusAccepted, http.StatusNoContent, http.StatusCreated)
	if err != nil {
		return err
	}
	resp.Body.Close()
	u.offset = u.blob.Size
	return u.next(resp)
}

type section struct {
	*io.SectionReader
	io.Closer
}

// commit makes a blob of what was sent; the registry checks its digest.
func (u *upload) commit(ctx context.Context) error {
	to, err := url.Parse(u.location)
	if err != nil {
		return err
	}
	v := to.Query()
	v.Set("digest", u.blob.Digest.String())
	to.RawQuery = v.Encode()
	resp, err := u.repo.send(ctx, http.MethodPut, to.String(), nil, http.Header{"Content-Type": {"application/octet-stream"}}, http.StatusCreated, http.StatusNoContent)
	if err == nil {
		resp.Body.Close()
	}
	return err
}

// next takes the address that an answer gives for what comes next.
func (u *upload) next(resp *http.Response) error {
	to := resp.Header.Get("Location")
	if to == "" {
		if u.location != "" {
			return nil
		}
		return errors.New("the registry does not say where to send a layer to")
	}
	loc, err := resp.Request.URL.Parse(to)
	if err != nil {
		return err
	}
	u.location = loc.String()
	return nil
}
