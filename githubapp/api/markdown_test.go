package api

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestRenderMarkdown(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{"# A\n\n**b** `c`", "<h1>A</h1>\n<p><strong>b</strong> <code>c</code></p>\n"},
		{"|a|b|\n|-|-:|\n|1|2|", `<td align="right">2</td>`},
		{"<table><tr><th>x</th><td>1</td></tr></table>", "<table><tr><th>x</th><td>1</td></tr></table>"},
		{"<details><summary>more</summary>text</details>", "<details><summary>more</summary>text</details>"},
		{"[a](https://example.com)", `<a href="https://example.com" rel="nofollow noreferrer noopener" target="_blank">a</a>`},
		{"[a](javascript:alert(1))", "<p>a</p>"},
		{"[a](/auth/logout)", "<p>a</p>"},
		{"![shot](https://example.com/x.png)", `<a href="https://example.com/x.png" rel="nofollow noreferrer noopener" target="_blank">shot</a>`},
		{"a <img src=x onerror=alert(1)> b", "a  b"},
		{"<script>alert(1)</script>\n\nb", "<p>b</p>"},
		{"<b onclick=alert(1) style=position:fixed id=main>b</b>", "<b>b</b>"},
		{"a </title></textarea> <style>*{}</style> b\n\n# c", "<h1>c</h1>"},
	} {
		if got := RenderMarkdown(c.source); !strings.Contains(got, c.want) {
			t.Errorf("%q\n got %q\nwant %q", c.source, got, c.want)
		}
	}
}

func FuzzRenderMarkdown(f *testing.F) {
	for _, s := range []string{"<svg onload=1><style>*{}</style>", "</title><b>x", "[a](jav&#x61;script:1)", "<a href='data:text/html,x'>", "<details open=x><form><input name=y>", "![a](x)"} {
		f.Add(s)
	}
	allowed := map[string]bool{"href": true, "rel": true, "target": true, "open": true, "colspan": true, "rowspan": true, "align": true, "start": true, "type": true, "checked": true, "disabled": true}
	f.Fuzz(func(t *testing.T, source string) {
		z := html.NewTokenizer(strings.NewReader(RenderMarkdown(source)))
		for z.Next() != html.ErrorToken {
			tok := z.Token()
			switch tok.Data {
			case "script", "style", "iframe", "img", "svg", "math", "form", "object", "embed", "link", "meta", "base", "template", "textarea", "title":
				if tok.Type != html.TextToken {
					t.Fatalf("%q gives %s", source, tok)
				}
			}
			for _, a := range tok.Attr {
				if !allowed[a.Key] {
					t.Fatalf("%q gives the attribute %s=%q", source, a.Key, a.Val)
				}
				if a.Key == "href" && !strings.HasPrefix(a.Val, "http") && !strings.HasPrefix(a.Val, "mailto:") {
					t.Fatalf("%q links to %q", source, a.Val)
				}
			}
		}
	})
}
