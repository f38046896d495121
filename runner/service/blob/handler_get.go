package blob

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

func (h *Handler) get(w http.ResponseWriter, r *http.Request, c Class, id string) {
	content, err := c.Resolve(r.Context(), id)
	if err != nil {
		h.failWith(w, r, err)
		return
	}
	info, err := c.Store.Stat(r.Context(), content.Key)
	if err != nil {
		h.failWith(w, r, err)
		return
	}
	header := w.Header()
	tag := stamp(header, info.Size, info.Modified)
	header.Set("Accept-Ranges", "bytes")
	header.Set("x-ms-blob-type", "BlockBlob")
	if match := r.Header.Get("If-Match"); match != "" && match != "*" && match != tag {
		h.fail(w, r, http.StatusPreconditionFailed, "ConditionNotMet", "the blob is another by now")
		return
	}
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	part, err := requestedRange(r, info.Size, tag)
	if errors.Is(err, errUnsatisfiable) {
		header.Set("Content-Range", fmt.Sprintf("bytes */%d", info.Size))
		h.fail(w, r, http.StatusRequestedRangeNotSatisfiable, "InvalidRange", err.Error())
		return
	}
	if err != nil {
		h.fail(w, r, http.StatusBadRequest, "InvalidHeaderValue", err.Error())
		return
	}
	h.send(w, r, c.Store, content, info, part)
}

// send answers with the whole blob, or the part that was asked for.
func (h *Handler) send(w http.ResponseWriter, r *http.Request, store Store, content Content, info Info, part *span) {
	header, status := w.Header(), http.StatusOK
	s := span{0, info.Size}
	if part != nil {
		s, status = *part, http.StatusPartialContent
		header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", s.off, s.end()-1, info.Size))
	}
	var body io.ReadCloser
	if r.Method != http.MethodHead {
		var err error
		if body, err = store.Open(r.Context(), content.Key, s.off, s.length); err != nil {
			header.Del("Content-Range")
			h.failWith(w, r, err)
			return
		}
		defer body.Close()
	}
	contentType := cleanType(content.ContentType)
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	header.Set("Content-Type", contentType)
	if content.Disposition != "" {
		header.Set("Content-Disposition", content.Disposition)
	}
	header.Set("Content-Length", strconv.FormatInt(s.length, 10))
	w.WriteHeader(status)
	if body == nil {
		return
	}
	if n, err := io.Copy(w, body); err != nil || n != s.length {
		// The length is out: the client sees that the connection ends too early.
		if r.Context().Err() == nil {
			h.log.Warn("send a blob", "path", r.URL.Path, "sent", n, "length", s.length, "error", err)
		}
	}
}
