package webhook

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// piece is how much of a body is read before memory is asked for again.
const piece = 64 << 10

// read reads the body piece by piece, each after there was memory for it: what a
// stranger merely announces costs nothing. held is what the caller gives back.
func (h *Handler) read(w http.ResponseWriter, r *http.Request) (body []byte, held int64, bad *refusal) {
	// Not every ResponseWriter has deadlines; the server's does.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(h.options.BodyTimeout))
	for {
		if len(body) == cap(body) {
			grow := max(piece, cap(body)) // doubled, so that copying stays cheap
			if r.ContentLength > 0 {
				// One byte more than announced shows the end without growing again.
				grow = max(1, min(grow, int(r.ContentLength)+1-cap(body)))
			}
			if !h.memory.TryAcquire(int64(grow)) {
				return nil, held, refuse(http.StatusServiceUnavailable, "too many bytes of deliveries at once")
			}
			held += int64(grow)
			body = append(make([]byte, 0, cap(body)+grow), body...)
		}
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case len(body) > MaxBytes:
			return nil, held, refuse(http.StatusRequestEntityTooLarge, "the payload has more than %d bytes", MaxBytes)
		case errors.Is(err, io.EOF):
			return body, held, nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, held, refuse(http.StatusRequestTimeout, "the body did not arrive within %s", h.options.BodyTimeout)
		case err != nil:
			return nil, held, refuse(http.StatusBadRequest, "the body ends too early")
		}
	}
}
