package githubtest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// answer is what a handler says. One with items is a list, given in pages.
type answer struct {
	status int
	body   any
	items  []any
	list   bool
	wrap   string // the list stands below this key, beside total_count
	extra  object // beside them
	header http.Header
	raw    []byte // instead of body
	kind   string // content type of raw
}

func ok(body any) answer      { return answer{status: http.StatusOK, body: body} }
func created(body any) answer { return answer{status: http.StatusCreated, body: body} }

func list(items []any, wrap string) answer {
	return answer{status: http.StatusOK, items: items, list: true, wrap: wrap}
}

func fail(status int, message string) answer {
	return answer{status: status, body: object{
		"message": message, "documentation_url": "https://docs.github.com/rest", "status": strconv.Itoa(status),
	}}
}

func fail2(status int, message string) *answer {
	a := fail(status, message)
	return &a
}

func notFound() *answer              { return fail2(http.StatusNotFound, "Not Found") }
func refused(message string) *answer { return fail2(http.StatusUnauthorized, message) }
func forbidden() *answer {
	return fail2(http.StatusForbidden, "Resource not accessible by integration")
}

// busy is the answer while somebody pushes.
func busy() answer { return fail(http.StatusConflict, "Reference cannot be updated: try again") }

// unprocessable is GitHub's answer to what it understands and does not want.
func unprocessable(message string) answer {
	return fail(http.StatusUnprocessableEntity, message)
}

// invalid names the field that is wrong.
func invalid(resource, field, code string) answer {
	a := unprocessable("Validation Failed")
	a.body.(object)["errors"] = []object{{"resource": resource, "field": field, "code": code}}
	return a
}

// decode reads the request's JSON; a body may be missing.
func (c *call) decode(into any) *answer {
	if len(c.body) == 0 {
		return nil
	}
	if err := json.Unmarshal(c.body, into); err != nil {
		return fail2(http.StatusBadRequest, "Problems parsing JSON")
	}
	return nil
}

// page cuts a list to what was asked for and links to the rest.
// GitHub docs: rest/using-the-rest-api/using-pagination-in-the-rest-api
func (c *call) page(a *answer) {
	size, page := c.number("per_page", 30), c.number("page", 1)
	size, page = min(max(size, 1), 100), max(page, 1)
	total := len(a.items)
	last := max((total+size-1)/size, 1)
	from := min((page-1)*size, total)
	items := a.items[from:min(from+size, total)]
	if items == nil {
		items = []any{}
	}
	var links []string
	link := func(to int, rel string) {
		u := *c.r.URL
		q := u.Query()
		q.Set("page", strconv.Itoa(to))
		u.RawQuery = q.Encode()
		links = append(links, "<"+c.gh.url+u.RequestURI()+`>; rel="`+rel+`"`)
	}
	if page > 1 {
		link(page-1, "prev")
	}
	if page < last {
		link(page+1, "next")
		link(last, "last")
	}
	if page > 1 {
		link(1, "first")
	}
	if len(links) > 0 {
		a.setHeader("Link", strings.Join(links, ", "))
	}
	if a.wrap == "" {
		a.body = items
		return
	}
	body := object{"total_count": total, a.wrap: items}
	for k, v := range a.extra {
		body[k] = v
	}
	a.body = body
}

func (a *answer) setHeader(name, value string) {
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set(name, value)
}

// number is a number of the query, or what stands for it.
func (c *call) number(name string, otherwise int) int {
	if n, err := strconv.Atoi(c.r.URL.Query().Get(name)); err == nil {
		return n
	}
	return otherwise
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
