package blob

import (
	"context"
	"crypto/rand"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Class is a kind of blob that the handler serves: where its bytes are and what
// its ids mean.
type Class struct {
	Store   Store
	Uploads *Uploads // ids of write URLs are UploadIDs
	// Resolve says what the id of a read URL stands for; fs.ErrNotExist if nothing.
	Resolve func(ctx context.Context, id string) (Content, error)
}

// Content is a blob as a client sees it.
type Content struct {
	Key         string
	ContentType string // "": application/octet-stream
	Disposition string // the Content-Disposition header; "": none
}

// Handler serves signed URLs in the way of Azure's blob storage, as far as the
// clients of caches and artifacts use it: PUT of a blob, a block and a block
// list, HEAD and GET with ranges. The signature of the URL is the only right
// that is asked for. Mount it at URLPath, without anything around its
// http.ResponseWriter, so that files go out by sendfile.
type Handler struct {
	urls    *URLs
	classes map[string]Class
	log     *slog.Logger
}

// NewHandler serves these classes; log may be nil.
func NewHandler(urls *URLs, classes map[string]Class, log *slog.Logger) *Handler {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Handler{urls: urls, classes: classes, log: log}
}

// apiVersion is answered to clients that name none.
const apiVersion = "2025-01-05"

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setHeaders(w.Header(), r)
	var verb Verb
	switch r.Method {
	case http.MethodPut:
		verb = Write
	case http.MethodGet, http.MethodHead:
		verb = Read
	default:
		w.Header().Set("Allow", "GET, HEAD, PUT")
		h.fail(w, r, http.StatusMethodNotAllowed, "UnsupportedHttpVerb", "the resource does not support this method")
		return
	}
	class, id, err := h.urls.Check(r.URL, verb)
	c, known := h.classes[class]
	if err != nil || !known {
		code := "AuthenticationFailed"
		if errors.Is(err, ErrVerb) {
			code = "AuthorizationPermissionMismatch"
		}
		h.fail(w, r, http.StatusForbidden, code, fmt.Sprintf("the URL gives no access: %v", err))
		return
	}
	if verb == Write {
		h.put(w, r, c, UploadID(id))
		return
	}
	h.get(w, r, c, id)
}

// setHeaders sets what every answer has. BuildKit ends with a nil pointer if an
// answer has no x-ms-request-id (tonistiigi/go-actions-cache: cache_v2.go).
func setHeaders(header http.Header, r *http.Request) {
	header.Set("x-ms-request-id", rand.Text())
	header.Set("X-Content-Type-Options", "nosniff")
	version := r.Header.Get("x-ms-version")
	if version == "" || len(version) > 32 {
		version = apiVersion
	}
	header.Set("x-ms-version", version)
	if id := r.Header.Get("x-ms-client-request-id"); id != "" && len(id) <= 1024 {
		header.Set("x-ms-client-request-id", id)
	}
}

// problem is the body of an error.
type problem struct {
	XMLName xml.Name `xml:"Error"`
	Code    string
	Message string
}

func (h *Handler) fail(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	body, _ := xml.Marshal(problem{Code: code, Message: message})
	body = append([]byte(xml.Header), body...)
	header := w.Header()
	for _, name := range []string{"Content-Disposition", "ETag", "Last-Modified", "Accept-Ranges"} {
		header.Del(name)
	}
	header.Set("x-ms-error-code", code)
	header.Set("Content-Type", "application/xml")
	header.Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a client that is gone needs no answer
	}
}

// answers of errors, the first that fits.
var answers = []struct {
	is     error
	status int
	code   string
}{
	{ErrUnknown, http.StatusNotFound, "BlobNotFound"},
	{fs.ErrNotExist, http.StatusNotFound, "BlobNotFound"},
	{ErrNoSpace, http.StatusInsufficientStorage, "InsufficientStorage"}, // no client tries that again
	{ErrTooLarge, http.StatusRequestEntityTooLarge, "RequestBodyTooLarge"},
	{ErrBlockList, http.StatusBadRequest, "InvalidBlockList"},
	{ErrBlock, http.StatusBadRequest, "InvalidBlobOrBlock"},
	{ErrSealed, http.StatusConflict, "BlobAlreadyExists"},
	{ErrDigest, http.StatusBadRequest, "Md5Mismatch"},
	{ErrIncomplete, http.StatusBadRequest, "IncompleteBody"},
	{ErrSize, http.StatusBadRequest, "InvalidInput"},
	{io.ErrUnexpectedEOF, http.StatusBadRequest, "IncompleteBody"},
}

func (h *Handler) failWith(w http.ResponseWriter, r *http.Request, err error) {
	for _, a := range answers {
		if errors.Is(err, a.is) {
			h.fail(w, r, a.status, a.code, err.Error())
			return
		}
	}
	if r.Context().Err() == nil {
		h.log.Error("serve a blob", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	h.fail(w, r, http.StatusInternalServerError, "InternalError", "the blob could not be served; the log of the service says why")
}

// stamp sets what tells versions of a blob apart.
func stamp(header http.Header, size int64, modified time.Time) string {
	tag := fmt.Sprintf(`"0x%X%X"`, modified.UnixNano(), size)
	header.Set("ETag", tag)
	header.Set("Last-Modified", modified.UTC().Format(http.TimeFormat))
	return tag
}

// cleanType is a media type fit for a header.
func cleanType(text string) string {
	if len(text) > 200 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return ""
	}
	return text
}
