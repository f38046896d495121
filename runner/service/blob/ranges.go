package blob

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

var errUnsatisfiable = errors.New("the range is not in the blob")

// requestedRange is the part that is asked for, nil for all. Azure's own header
// goes before the common one.
func requestedRange(r *http.Request, size int64, tag string) (*span, error) {
	text := r.Header.Get("x-ms-range")
	if text == "" {
		text = r.Header.Get("Range")
	}
	if text == "" {
		return nil, nil
	}
	if cond := r.Header.Get("If-Range"); cond != "" && cond != tag {
		return nil, nil
	}
	s, err := parseRange(text, size)
	if err != nil {
		return nil, err
	}
	return &s, nil
}

// parseRange reads "bytes=a-b", "bytes=a-" and "bytes=-n". Several ranges at
// once are refused, as Azure does.
func parseRange(text string, size int64) (span, error) {
	spec, ok := strings.CutPrefix(strings.TrimSpace(text), "bytes=")
	from, to, dash := strings.Cut(spec, "-")
	if !ok || !dash {
		return span{}, fmt.Errorf("range %.60q: must be bytes=first-last", text)
	}
	if from == "" {
		n, err := number(to)
		if err != nil {
			return span{}, fmt.Errorf("range %.60q: %w", text, err)
		}
		if n = min(n, size); n == 0 {
			return span{}, errUnsatisfiable
		}
		return span{size - n, n}, nil
	}
	first, err := number(from)
	if err != nil {
		return span{}, fmt.Errorf("range %.60q: %w", text, err)
	}
	last := size - 1
	if to != "" {
		n, err := number(to)
		if err != nil {
			return span{}, fmt.Errorf("range %.60q: %w", text, err)
		}
		if n < first {
			return span{}, fmt.Errorf("range %.60q: ends before it begins", text)
		}
		last = min(last, n)
	}
	if first >= size {
		return span{}, errUnsatisfiable
	}
	return span{first, last - first + 1}, nil
}

// ParseContentRange reads "bytes first-last/total", as clients write it that put
// a blob in ranges; total is -1 for "*".
func ParseContentRange(text string) (first, length, total int64, err error) {
	spec, ok := strings.CutPrefix(strings.TrimSpace(text), "bytes ")
	part, all, slash := strings.Cut(spec, "/")
	from, to, dash := strings.Cut(part, "-")
	if !ok || !slash || !dash {
		return 0, 0, 0, fmt.Errorf("content range %.60q: must be bytes first-last/total", text)
	}
	first, err = number(from)
	last, err2 := number(to)
	total = -1
	var err3 error
	if all != "*" {
		total, err3 = number(all)
	}
	if err := errors.Join(err, err2, err3); err != nil {
		return 0, 0, 0, fmt.Errorf("content range %.60q: %w", text, err)
	}
	if last < first || total >= 0 && last >= total {
		return 0, 0, 0, fmt.Errorf("content range %.60q: ends before it begins, or after the total", text)
	}
	return first, last - first + 1, total, nil
}

// number is digits only, below 2^62 so that sums stay positive.
func number(text string) (int64, error) {
	n, err := strconv.ParseUint(text, 10, 62)
	if err != nil {
		return 0, fmt.Errorf("%.40q is no position", text)
	}
	return int64(n), nil
}
