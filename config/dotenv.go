package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Variable is one NAME=VALUE of a dotenv file.
type Variable struct {
	Name, Value string
	Line        int // where the name stands, from 1
}

const (
	maxVariablesSize = 16 << 20 // bytes of a file
	maxValueSize     = 1 << 20  // bytes of a value that variables are put into
)

// ReadVariables reads a file of variables, such as .env, .vars, .secrets or
// .input: YAML by its ending (nektos/act: readEnvsEx), else dotenv. A name that
// stands twice counts as it stands last. The error of a missing file is
// fs.ErrNotExist; no error ever quotes a value, which may be a secret.
func ReadVariables(path string) ([]Variable, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading variables: %w", err)
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, maxVariablesSize+1))
	if err != nil {
		return nil, fmt.Errorf("reading variables, %q: %w", path, err)
	}
	if len(src) > maxVariablesSize {
		return nil, fmt.Errorf("reading variables, %q: larger than %d bytes", path, maxVariablesSize)
	}
	if ext := filepath.Ext(path); ext == ".yml" || ext == ".yaml" {
		return parseYAMLVariables(path, src)
	}
	return ParseDotenv(path, src)
}

// ParseDotenv reads dotenv text as the files of act's users are read (joho/godotenv,
// parser.go): NAME=VALUE or NAME: VALUE, "export" before it, comments, values in
// single quotes as they stand, in double quotes with \n, \r and \ before any
// letter, both over several lines. $NAME and ${NAME} of capitals, outside single
// quotes, is a variable from further up in the file; where there is none the text
// stays (there it would vanish, which eats half of a password with a dollar sign).
func ParseDotenv(path string, src []byte) ([]Variable, error) {
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	d := &dotenv{path: path, rest: strings.ReplaceAll(string(src), "\r\n", "\n"), line: 1, known: map[string]string{}}
	if !utf8.ValidString(d.rest) || strings.ContainsRune(d.rest, 0) {
		return nil, fmt.Errorf("reading variables, %q: not text in UTF-8: save it as such", path)
	}
	var all []Variable
	for d.next() {
		v, err := d.variable()
		if err != nil {
			return nil, err
		}
		d.known[v.Name] = v.Value
		all = append(all, v)
	}
	return all, nil
}

type dotenv struct {
	path  string
	rest  string
	line  int
	known map[string]string
}

func (d *dotenv) fail(line int, format string, args ...any) error {
	return fmt.Errorf("reading variables (%s:%d): %w", d.path, line, fmt.Errorf(format, args...))
}

// take cuts n bytes off the front and counts their lines.
func (d *dotenv) take(n int) string {
	taken := d.rest[:n]
	d.line += strings.Count(taken, "\n")
	d.rest = d.rest[n:]
	return taken
}

// next moves to the next name, past space and comments.
func (d *dotenv) next() bool {
	for {
		d.take(len(d.rest) - len(strings.TrimLeftFunc(d.rest, unicode.IsSpace)))
		if !strings.HasPrefix(d.rest, "#") {
			return d.rest != ""
		}
		d.take(d.lineEnd())
	}
}

// lineEnd is the length of what is left of the line.
func (d *dotenv) lineEnd() int {
	if i := strings.IndexByte(d.rest, '\n'); i >= 0 {
		return i
	}
	return len(d.rest)
}

func (d *dotenv) variable() (Variable, error) {
	line := d.line
	if after, ok := strings.CutPrefix(d.rest, "export"); ok && strings.TrimLeft(after, " \t") != after {
		d.take(len(d.rest) - len(strings.TrimLeft(after, " \t")))
	}
	end := strings.IndexAny(d.rest[:d.lineEnd()], "=:")
	if end < 0 {
		return Variable{}, d.fail(line, "a line without \"=\": write NAME=VALUE, and quotes around a value of several lines")
	}
	name := strings.TrimSpace(d.rest[:end])
	if !validName(name) {
		return Variable{}, d.fail(line, "what stands before the \"%c\" is no name: use letters, digits, \"_\", \".\" and \"-\"", d.rest[end])
	}
	d.take(end + 1)
	d.take(d.lineEnd() - len(strings.TrimLeftFunc(d.rest[:d.lineEnd()], unicode.IsSpace)))
	value, err := d.value(name)
	return Variable{Name: name, Value: value, Line: line}, err
}

// validName also takes the "-" that inputs may have, which act refuses.
func validName(name string) bool {
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) && !strings.ContainsRune("_.-", r) {
			return false
		}
	}
	return name != ""
}

func (d *dotenv) value(name string) (string, error) {
	if d.rest == "" || d.rest[0] != '"' && d.rest[0] != '\'' {
		text := d.take(d.lineEnd())
		// The last "#" after space begins the comment (godotenv: extractVarValue).
		for i := len(text) - 1; i > 0; i-- {
			if text[i] == '#' && (text[i-1] == ' ' || text[i-1] == '\t') {
				text = text[:i]
				break
			}
		}
		return d.expand(name, strings.TrimSpace(text))
	}
	line, quote := d.line, d.rest[0]
	end := 1
	for end < len(d.rest) && d.rest[end] != quote {
		if d.rest[end] == '\\' {
			end++ // a quote after it does not end the value
		}
		end++
	}
	if end >= len(d.rest) {
		return "", d.fail(line, "the quote (%c) before the value of %q is never closed", quote, name)
	}
	text := d.take(end + 1)[1:end]
	if after := strings.TrimSpace(d.take(d.lineEnd())); after != "" && after[0] != '#' {
		return "", d.fail(d.line, "text after the closing quote of %q: put all of the value into the quotes", name)
	}
	if quote == '\'' {
		return text, nil
	}
	return d.expand(name, unescape(text))
}

// unescape undoes the escapes of double quotes, but leaves \$ to expand.
func unescape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		i++
		switch text[i] {
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case '$':
			b.WriteString(`\$`)
		default:
			b.WriteByte(text[i])
		}
	}
	return b.String()
}

// expand puts in the variables from further up. Values that are made of values can
// grow without end in a few lines, so there is a limit.
func (d *dotenv) expand(name, text string) (string, error) {
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 {
			b.WriteString(text)
			return b.String(), nil
		}
		if b.Len() > maxValueSize {
			return "", d.fail(d.line, "the value of %q is longer than %d bytes with its variables put in", name, maxValueSize)
		}
		before, after := text[:i], text[i+1:]
		if strings.HasSuffix(before, `\`) {
			b.WriteString(before[:i-1] + "$")
			text = after
			continue
		}
		b.WriteString(before)
		inner, closing := after, ""
		if braced, ok := strings.CutPrefix(after, "{"); ok {
			inner, closing = braced, "}"
		}
		end := 0
		for end < len(inner) && (inner[end] == '_' || inner[end] >= '0' && inner[end] <= '9' || inner[end] >= 'A' && inner[end] <= 'Z') {
			end++
		}
		if value, ok := d.known[inner[:end]]; ok && strings.HasPrefix(inner[end:], closing) {
			b.WriteString(value)
			text = inner[end+len(closing):]
			continue
		}
		b.WriteByte('$')
		text = after
	}
}

// parseYAMLVariables reads a mapping of names to scalars, in order.
func parseYAMLVariables(path string, src []byte) ([]Variable, error) {
	var doc yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(src)).Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, fmt.Errorf("reading variables, %q: %w", path, err)
	}
	root := target(doc.Content[0])
	if null(root) {
		return nil, nil
	}
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("reading variables (%s:%d): not a mapping of names to values", path, root.Line)
	}
	var all []Variable
	for i := 0; i+1 < len(root.Content); i += 2 {
		name, content := root.Content[i], target(root.Content[i+1])
		if name.Kind != yaml.ScalarNode || content.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("reading variables (%s:%d): not a name with a single value: put quotes around JSON", path, name.Line)
		}
		value := content.Value
		if null(content) {
			value = ""
		}
		all = append(all, Variable{Name: name.Value, Value: value, Line: name.Line})
	}
	return all, nil
}
