package config

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// value is what one source says about one setting, still as text.
type value struct {
	texts  []string // one; of a list any number
	pairs  []pair   // of a map
	list   []Runner // of a list of runners
	origin Origin
	base   string // relative paths start here
}

// pair is one entry of a map.
type pair struct {
	name, text string
	origin     Origin
}

// fromText reads what flags and variables say: each text is a value, an element
// or NAME=VALUE.
func fromText(f Field, texts []string, origin Origin, base string) (value, error) {
	v := value{texts: texts, origin: origin, base: base}
	if f.Kind == Runners {
		var err error
		v.list, err = runnersOf(strings.Join(texts, "\n"), origin)
		return v, err
	}
	if f.Kind != Map {
		return v, nil
	}
	for _, t := range texts {
		name, text, ok := strings.Cut(t, "=")
		if !ok || strings.TrimSpace(name) == "" {
			return v, fmt.Errorf("%q is not of the form %s", t, f.Arg)
		}
		v.pairs = append(v.pairs, pair{strings.TrimSpace(name), strings.TrimSpace(text), origin})
	}
	return v, nil
}

// elements splits what a variable or a default holds.
func elements(f Field, text string) []string {
	if f.Kind != List && f.Kind != Map {
		return []string{text}
	}
	var all []string
	for t := range strings.SplitSeq(text, ",") {
		if t = strings.TrimSpace(t); t != "" {
			all = append(all, t)
		}
	}
	return all
}

// apply writes a value into the configuration. Lists replace what was there,
// maps add to it.
func (c *Config) apply(f Field, v value, env environment) error {
	last := ""
	if len(v.texts) > 0 {
		last = v.texts[len(v.texts)-1]
	}
	switch ref := f.ref(c).(type) {
	case *string:
		*ref = f.resolve(last, v.base, env)
	case *bool:
		b, err := strconv.ParseBool(strings.ToLower(last))
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", last)
		}
		*ref = b
	case *int:
		n, err := strconv.Atoi(last)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", last)
		}
		*ref = n
	case *time.Duration:
		d, err := time.ParseDuration(last)
		if err != nil {
			return fmt.Errorf("%q is not a duration: give a number with a unit, as in 90s or 1h30m", last)
		}
		*ref = d
	case *[]string:
		all := make([]string, 0, len(v.texts))
		for _, t := range v.texts {
			all = append(all, f.resolve(t, v.base, env))
		}
		*ref = all
	case *map[string]string:
		if *ref == nil {
			*ref = map[string]string{}
		}
		for _, p := range v.pairs {
			name, text := p.name, p.text
			if f.Key == "platforms" {
				name, text = platform(name, text)
			}
			(*ref)[name] = text
			c.origins[f.Key+"."+name] = p.origin
		}
	case *[]Runner:
		*ref = v.list
		for i, r := range v.list {
			c.origins[runnerKey(i)] = r.origin
		}
	}
	c.origins[f.Key] = v.origin
	return nil
}

// resolve brings a string into the form that Config promises.
func (f Field) resolve(text, base string, env environment) string {
	if other, ok := f.Also[strings.ToLower(text)]; ok {
		return other
	}
	if !f.Path || text == "" || strings.Contains(text, "://") || f.Key == "network.ca" && (text == CAAuto || text == CAOff) {
		return text
	}
	if rest, ok := strings.CutPrefix(text, "~/"); ok {
		return filepath.Join(env.home(), rest)
	}
	if filepath.IsAbs(text) {
		return filepath.Clean(text)
	}
	return filepath.Join(base, text)
}

// platform brings an entry of platforms into form: labels know no case, and act
// writes "-self-hosted" for the machine itself (nektos/act: RunContext.IsHostEnv).
func platform(label, image string) (string, string) {
	if strings.EqualFold(image, "-self-hosted") || strings.EqualFold(image, PlatformHost) {
		image = PlatformHost
	}
	return strings.ToLower(label), image
}
