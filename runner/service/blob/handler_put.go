package blob

import (
	"bytes"
	"crypto/md5" //nolint:gosec // what the protocol has
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"
	"time"
)

// A list of 50,000 ids of 64 bytes in base64, with their tags, has about 6 MB.
const maxBlockListBody = 16 << 20

func (h *Handler) put(w http.ResponseWriter, r *http.Request, c Class, id UploadID) {
	body := checkedBody(r)
	q := r.URL.Query()
	err := c.check(r, id)
	if err == nil {
		switch comp := q.Get("comp"); comp {
		case "":
			err = c.putWhole(r, id, body)
		case "block":
			err = c.putBlock(r, id, q.Get("blockid"), body)
		case "blocklist":
			err = c.putList(r, id, body)
		default:
			err = errUnsupported
		}
	}
	if errors.Is(err, errUnsupported) {
		h.fail(w, r, http.StatusBadRequest, "UnsupportedQueryParameter", "only block blobs are served: no comp, comp=block or comp=blocklist")
		return
	}
	if err != nil {
		h.failWith(w, r, err)
		return
	}
	up, err := c.Uploads.Stat(id)
	if err != nil {
		h.failWith(w, r, err)
		return
	}
	if q.Get("comp") != "block" {
		stamp(w.Header(), up.Size, up.Active)
	} else {
		w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
	}
	w.Header().Set("x-ms-request-server-encrypted", "true")
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusCreated)
}

var errUnsupported = errors.New("unsupported")

// check refuses before a byte is read: a client that asked with "Expect:
// 100-continue" then sends none.
func (c Class) check(r *http.Request, id UploadID) error {
	if c.Uploads == nil {
		return ErrUnknown
	}
	up, err := c.Uploads.Stat(id)
	if err != nil {
		return err
	}
	if t := r.Header.Get("x-ms-blob-type"); t != "" && !strings.EqualFold(t, "BlockBlob") {
		return errUnsupported
	}
	if up.Sealed && r.Header.Get("If-None-Match") == "*" && r.URL.Query().Get("comp") != "block" {
		return fmt.Errorf("upload %s: %w", id, ErrSealed)
	}
	return nil
}

func (c Class) putWhole(r *http.Request, id UploadID, body io.Reader) error {
	if err := c.noteType(r, id); err != nil {
		return err
	}
	return c.Uploads.Put(r.Context(), id, body, r.ContentLength)
}

func (c Class) noteType(r *http.Request, id UploadID) error {
	t := cleanType(r.Header.Get("x-ms-blob-content-type"))
	if t == "" {
		return nil
	}
	return c.Uploads.SetContentType(id, t)
}

func (c Class) putBlock(r *http.Request, id UploadID, block string, body io.Reader) error {
	raw, err := base64.StdEncoding.DecodeString(block)
	if err != nil || len(raw) == 0 || len(raw) > 64 {
		return fmt.Errorf("%w: block id %.100q is not the base64 of 1 to 64 bytes", ErrBlock, block)
	}
	return c.Uploads.PutBlock(r.Context(), id, block, body, r.ContentLength)
}

func (c Class) putList(r *http.Request, id UploadID, body io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(body, maxBlockListBody+1))
	if err != nil {
		return bodyError(int64(len(text)), r.ContentLength, err)
	}
	if len(text) > maxBlockListBody {
		return fmt.Errorf("%w: the block list has more than %d bytes", ErrTooLarge, maxBlockListBody)
	}
	list, err := parseBlockList(text)
	if err != nil {
		return err
	}
	if err := c.noteType(r, id); err != nil {
		return err
	}
	return c.Uploads.PutBlockList(r.Context(), id, list)
}

// parseBlockList reads <BlockList><Latest>id</Latest>...</BlockList>, also with
// Committed and Uncommitted.
func parseBlockList(text []byte) ([]string, error) {
	var list struct {
		XMLName xml.Name `xml:"BlockList"`
		Blocks  []struct {
			XMLName xml.Name
			ID      string `xml:",chardata"`
		} `xml:",any"`
	}
	if err := xml.NewDecoder(bytes.NewReader(text)).Decode(&list); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBlockList, err)
	}
	if len(list.Blocks) > maxBlocks {
		return nil, fmt.Errorf("%w: more than %d blocks", ErrBlockList, maxBlocks)
	}
	ids := make([]string, 0, len(list.Blocks))
	for _, b := range list.Blocks {
		switch b.XMLName.Local {
		case "Latest", "Committed", "Uncommitted":
			ids = append(ids, strings.TrimSpace(b.ID))
		default:
			return nil, fmt.Errorf("%w: unknown element %.40q", ErrBlockList, b.XMLName.Local)
		}
	}
	return ids, nil
}

// checkedBody is the body; instead of its end comes an error when its digest is
// not the one that the header announces.
func checkedBody(r *http.Request) io.Reader {
	want := r.Header.Get("Content-MD5")
	if want == "" {
		return r.Body
	}
	return &checked{r: r.Body, hash: md5.New(), want: want} //nolint:gosec // what the protocol has
}

type checked struct {
	r    io.Reader
	hash hash.Hash
	want string
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.hash.Write(p[:n])
	if errors.Is(err, io.EOF) {
		if got := base64.StdEncoding.EncodeToString(c.hash.Sum(nil)); got != c.want {
			return n, fmt.Errorf("%w: md5 is %s, announced %.40s", ErrDigest, got, c.want)
		}
	}
	return n, err
}
