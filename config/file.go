package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

// FileName is the name of the project's and of the user's file.
const FileName = "drydock.yaml"

const maxFileSize = 1 << 20 // bytes

// userFile is the user's own file, which may not exist.
func userFile(env environment) string {
	return filepath.Join(env.folder("XDG_CONFIG_HOME", ".config", "Library/Application Support"), "drydock", FileName)
}

// findProjectFile looks in dir and above it, up to the top of the repository;
// outside a repository in dir alone. Empty: there is none.
func findProjectFile(dir string) (string, error) {
	for at := dir; ; at = filepath.Dir(at) {
		if exists(filepath.Join(at, FileName)) {
			if at == dir || inRepository(at) {
				return filepath.Join(at, FileName), nil
			}
			return "", nil
		}
		if other := filepath.Join(at, "drydock.yml"); exists(other) && (at == dir || inRepository(at)) {
			return "", fmt.Errorf("reading configuration, %q: the file is called %s: rename it", other, FileName)
		}
		if exists(filepath.Join(at, ".git")) || at == filepath.Dir(at) {
			return "", nil
		}
	}
}

func inRepository(dir string) bool {
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if exists(filepath.Join(dir, ".git")) {
			return true
		}
	}
	return false
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// readFile reads one file; a file that is not there says nothing.
func readFile(path string, source Source) (map[string]value, []error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, []error{fmt.Errorf("reading configuration: %w", err)}
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, []error{fmt.Errorf("reading configuration, %q: %w", path, err)}
	}
	return parseFile(path, src, source)
}

// parser collects what a file says and what is wrong with it.
type parser struct {
	path   string
	source Source
	values map[string]value
	errs   []error
}

func parseFile(path string, src []byte, source Source) (map[string]value, []error) {
	p := &parser{path: path, source: source, values: map[string]value{}}
	if len(src) > maxFileSize {
		return nil, []error{fmt.Errorf("reading configuration, %q: larger than %d bytes", path, maxFileSize)}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(src))
	var doc, more yaml.Node
	if err := decoder.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return p.values, nil
		}
		return nil, []error{fmt.Errorf("reading configuration, %q: %w", path, err)}
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, []error{fmt.Errorf("reading configuration, %q: more than one document: keep the first", path)}
	}
	if len(doc.Content) == 1 {
		p.mapping("", doc.Content[0])
	}
	return p.values, p.errs
}

func (p *parser) origin(n *yaml.Node) Origin {
	return Origin{p.source, fmt.Sprintf("%s:%d:%d", p.path, n.Line, n.Column)}
}

func (p *parser) fail(n *yaml.Node, format string, args ...any) {
	p.errs = append(p.errs, fmt.Errorf("reading configuration (%s): %w", p.origin(n), fmt.Errorf(format, args...)))
}

// mapping reads the keys below a prefix, which is empty or ends with a dot.
func (p *parser) mapping(prefix string, n *yaml.Node) {
	n = target(n)
	if null(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		p.fail(n, "%s must be a mapping of keys to values", place(prefix))
		return
	}
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, content := n.Content[i], n.Content[i+1]
		key := prefix + name.Value
		if before := first[key]; before != nil {
			p.fail(name, "key %q stands here again, first in line %d: keep one", key, before.Line)
			continue
		}
		first[key] = name
		if f, ok := fieldOf(key); ok && name.Kind == yaml.ScalarNode {
			p.field(f, name, content)
			continue
		}
		if name.Kind == yaml.ScalarNode && group(key) {
			p.mapping(key+".", content)
			continue
		}
		if prefix == "services." && p.source == FromProjectFile && target(content).Kind == yaml.MappingNode {
			continue // a service of the repository: githubapp/pipeline/declaration reads it
		}
		p.fail(name, "unknown key %q%s", key, hint(suggestKey(prefix, key)))
	}
}

// field reads one setting.
func (p *parser) field(f Field, name, n *yaml.Node) {
	if f.UserOnly && p.source == FromProjectFile {
		p.fail(name, "%q decides what workflows may reach on this machine, so a project's file may not set it: "+
			"set it in your own %s (see \"drydock config print\") or in the variable %s", f.Key, FileName, f.Env)
		return
	}
	n = target(n)
	if null(n) {
		return
	}
	v := value{origin: p.origin(n), base: filepath.Dir(p.path)}
	switch {
	case f.Kind == Runners:
		v.list = p.runners(n)
	case f.Kind == Map && n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			entry, content := n.Content[i], target(n.Content[i+1])
			if entry.Kind != yaml.ScalarNode || content.Kind != yaml.ScalarNode || null(content) {
				p.fail(entry, "%q must map names to values", f.Key)
				continue
			}
			v.pairs = append(v.pairs, pair{entry.Value, content.Value, p.origin(content)})
		}
	case f.Kind == List && n.Kind == yaml.SequenceNode:
		for _, element := range n.Content {
			if element = target(element); element.Kind != yaml.ScalarNode || null(element) {
				p.fail(element, "%q must be a list of values", f.Key)
				continue
			}
			v.texts = append(v.texts, element.Value)
		}
	case f.Kind == List && n.Kind == yaml.ScalarNode, f.Kind != List && f.Kind != Map && n.Kind == yaml.ScalarNode:
		v.texts = []string{n.Value}
	default:
		p.fail(n, "%q must be a %s", f.Key, f.Kind)
		return
	}
	p.values[f.Key] = v
}

// target follows an alias to its anchor.
func target(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// null tells a value that was left out, or is null: it counts as not set.
func null(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func place(prefix string) string {
	if prefix == "" {
		return "the file"
	}
	return fmt.Sprintf("%q", prefix[:len(prefix)-1])
}
