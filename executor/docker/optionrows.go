package docker

import (
	"fmt"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/go-units"
)

// Small makers of rows, by the type of the value.

func text(at func(*settings) *string) option {
	return option{apply: func(s *settings, v string, _ role, _ Policy) error { *at(s) = v; return nil }}
}

func list(at func(*settings) *[]string) option {
	return option{apply: func(s *settings, v string, _ role, _ Policy) error { *at(s) = append(*at(s), v); return nil }}
}

func boolean(at func(*settings) *bool) option {
	return option{isSwitch: true, apply: func(s *settings, v string, _ role, _ Policy) (err error) {
		*at(s), err = parseSwitch(v)
		return err
	}}
}

func number(at func(*settings) *int64) option {
	return option{apply: func(s *settings, v string, _ role, _ Policy) error {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", v)
		}
		*at(s) = n
		return nil
	}}
}

func size(at func(*settings) *int64) option {
	return option{apply: func(s *settings, v string, _ role, _ Policy) error {
		if v == "-1" {
			*at(s) = -1 // unlimited swap
			return nil
		}
		n, err := units.RAMInBytes(v)
		if err != nil || n < 0 {
			return fmt.Errorf("%q is not a size: write it as 512m or 2g", v)
		}
		*at(s) = n
		return nil
	}}
}

func span(at func(*container.HealthConfig) *time.Duration) option {
	return option{apply: func(s *settings, v string, _ role, _ Policy) error {
		d, err := time.ParseDuration(v)
		if err != nil || d < 0 {
			return fmt.Errorf("%q is not a duration: write it as 10s or 1m30s", v)
		}
		*at(s.health()) = d
		return nil
	}}
}

func refused(why string) option {
	return option{apply: func(_ *settings, _ string, _ role, _ Policy) error {
		return refusal{fmt.Errorf("not allowed"), why}
	}}
}

func namespace(set func(*settings, string)) option {
	return option{apply: func(s *settings, v string, _ role, p Policy) error {
		switch v {
		case "private", "shareable", "none":
			set(s, v)
			return nil
		case "host":
			if !p.AllowHostNamespaces {
				return refusal{fmt.Errorf("a namespace of this machine is not allowed"), hintNamespaces}
			}
			set(s, v)
			return nil
		}
		return refusal{fmt.Errorf("%q is not allowed", v), "use private, or host where the operator allows it"}
	}}
}

func parseSwitch(v string) (bool, error) {
	b, err := strconv.ParseBool(v)
	if err != nil {
		return false, fmt.Errorf("%q is neither true nor false", v)
	}
	return b, nil
}

// health gives the health check, made when an option first speaks of it.
func (s *settings) health() *container.HealthConfig {
	if s.config.Healthcheck == nil {
		s.config.Healthcheck = &container.HealthConfig{}
	}
	return s.config.Healthcheck
}
