package option

import (
	"errors"
	"fmt"
	"strings"
)

// Flag is one option as it was written.
type Flag struct {
	Name  string // long name without dashes; short ones are translated
	Value string
}

// Table says which options there are.
type Table struct {
	// Short are the long names of the short options.
	Short map[string]string
	// Known tells of a long name whether there is such an option, and whether
	// it is a switch, which needs no value.
	Known func(name string) (isSwitch, known bool)
}

// Unknown is the error for an option that is not in the table.
type Unknown struct{ Name string }

func (u *Unknown) Error() string { return fmt.Sprintf("option %q is not supported", u.Name) }

var errQuote = errors.New("a quote is not closed")

// Words splits the text of `options:` at white space, as a shell does without
// expansions: nothing in it is ever run or replaced. A backslash is kept
// unless it stands before a quote, a backslash or white space.
func Words(s string) ([]string, error) {
	var (
		out    []string
		cur    strings.Builder
		inWord bool
		quote  rune
	)
	rs := []rune(s)
	for i := 0; i < len(rs); i++ {
		r := rs[i]
		switch {
		case r == 0:
			return nil, errors.New("it holds a NUL character")
		case r == '\\' && quote != '\'' && i+1 < len(rs) && escapable(rs[i+1], quote):
			i++
			if rs[i] == '\n' && quote == 0 {
				continue // a continued line
			}
			cur.WriteRune(rs[i])
			inWord = true
		case quote != 0:
			if r == quote {
				quote = 0
				continue
			}
			cur.WriteRune(r)
		case r == '"' || r == '\'':
			quote, inWord = r, true
		case isSpace(r):
			if inWord {
				out = append(out, cur.String())
				cur.Reset()
				inWord = false
			}
		default:
			cur.WriteRune(r)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, errQuote
	}
	if inWord {
		out = append(out, cur.String())
	}
	return out, nil
}

func escapable(r, quote rune) bool {
	if quote != 0 {
		return r == quote || r == '\\'
	}
	return r == '"' || r == '\'' || r == '\\' || isSpace(r)
}

func isSpace(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' }

// Flags reads words by the rules of docker create: --name value, --name=value,
// -n value, -nvalue, -n=value and bundles of switches (-it).
func (t Table) Flags(ws []string) ([]Flag, error) {
	var out []Flag
	for i := 0; i < len(ws); i++ {
		w := ws[i]
		next := func(name string) (string, error) {
			if i+1 >= len(ws) {
				return "", fmt.Errorf("option %q needs a value", name)
			}
			i++
			return ws[i], nil
		}
		switch {
		case strings.HasPrefix(w, "--") && len(w) > 2:
			name, value, has := strings.Cut(w[2:], "=")
			isSwitch, known := t.Known(name)
			if !known {
				return nil, &Unknown{"--" + name}
			}
			if !has && isSwitch {
				value = "true"
			} else if !has {
				v, err := next("--" + name)
				if err != nil {
					return nil, err
				}
				value = v
			}
			out = append(out, Flag{name, value})
		case strings.HasPrefix(w, "-") && len(w) > 1 && w != "--":
			rest := w[1:]
			for rest != "" {
				short := rest[:1]
				name, known := t.Short[short]
				if !known {
					return nil, &Unknown{"-" + short}
				}
				rest = rest[1:]
				if isSwitch, _ := t.Known(name); isSwitch {
					value := "true"
					if strings.HasPrefix(rest, "=") {
						value, rest = rest[1:], ""
					}
					out = append(out, Flag{name, value})
					continue
				}
				value := strings.TrimPrefix(rest, "=")
				if rest == "" {
					v, err := next("-" + short)
					if err != nil {
						return nil, err
					}
					value = v
				}
				out = append(out, Flag{name, value})
				rest = ""
			}
		default:
			return nil, fmt.Errorf("%q is not an option: options start with - or --, quote values that hold spaces", w)
		}
	}
	return out, nil
}
