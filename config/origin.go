package config

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Source is the kind of place that a value came from, the weightiest last.
type Source int

// The sources.
const (
	FromDefault Source = iota
	FromUserFile
	FromProjectFile
	FromEnv
	FromFlag
)

// Origin is where a value came from.
type Origin struct {
	Source Source
	Name   string // "FILE:LINE:COLUMN", a variable's name, or a flag with its dashes; of a default empty
}

// String is what people read: "default", or the name.
func (o Origin) String() string {
	if o.Name == "" {
		return "default"
	}
	return o.Name
}

// Origin tells where the value of a key came from. A map's entry has the key
// "platforms.LABEL".
func (c *Config) Origin(key string) Origin { return c.origins[key] }

// Setting is one line of "config print".
type Setting struct {
	Key    string // of a map's entry the key, a dot and the entry
	Value  string // "***" when it is hidden
	Origin Origin
}

// Settings are all values with their origins, in the table's order.
func (c *Config) Settings() []Setting {
	var all []Setting
	for _, f := range fields {
		if m, ok := f.ref(c).(*map[string]string); ok {
			for _, entry := range slices.Sorted(maps.Keys(*m)) {
				key := f.Key + "." + entry
				all = append(all, Setting{key, (*m)[entry], c.Origin(key)})
			}
			continue
		}
		if runners, ok := f.ref(c).(*[]Runner); ok {
			for i, r := range *runners {
				all = append(all, Setting{runnerKey(i), r.text(), r.origin})
			}
			continue
		}
		value := text(f.ref(c))
		if f.Hidden && value != "" {
			value = "***"
		}
		all = append(all, Setting{f.Key, value, c.Origin(f.Key)})
	}
	return all
}

// text is a value as a person would write it.
func text(ref any) string {
	switch v := ref.(type) {
	case *string:
		return *v
	case *bool:
		return strconv.FormatBool(*v)
	case *int:
		return strconv.Itoa(*v)
	case *time.Duration:
		return v.String()
	case *[]string:
		return strings.Join(*v, ",")
	}
	return ""
}
