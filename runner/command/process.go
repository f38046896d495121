package command

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// minSecretToken is the length from which on a stop token is masked, so that the log does not show how to resume.
const minSecretToken = 7

func (s *Scanner) addMask(c Command) Outcome {
	if strings.TrimSpace(c.Data) == "" {
		return Outcome{Level: LevelCommand, Warning: "add-mask: an empty value cannot be masked"}
	}
	out := Outcome{Level: LevelCommand, Effect: AddMask{Value: c.Data}}
	if s.echo {
		out.Command = "::add-mask::***" // never the line itself
	}
	return out
}

// stop pauses the processing of commands until the token comes as a command.
func (s *Scanner) stop(line string, c Command) Outcome {
	token := c.Data
	// The token is compared as a command name, so it must not be one.
	if bad := token == "" || strings.EqualFold(token, "pause-logging") || s.known(token); bad && !s.options.AllowUnsecureStopToken {
		return Outcome{Level: LevelCommand, Err: fmt.Errorf("process command %q: the token %q must not be empty, \"pause-logging\" or a workflow command: "+
			"use a random token, or set ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS to true", line, token)}
	}
	s.stopped, s.token = true, token
	out := Outcome{Level: LevelCommand, Echo: line, Show: true,
		Debug: []string{"paused processing commands until the token of stop-commands is received"}}
	if len(token) >= minSecretToken {
		out.Effect = AddMask{Value: token}
	}
	return out
}

func (s *Scanner) setEcho(c Command) error {
	switch strings.ToLower(strings.TrimSpace(c.Data)) {
	case "on":
		s.echo = true
	case "off":
		s.echo = false
	default:
		return fmt.Errorf("invalid value %q: use \"on\" or \"off\"", c.Data)
	}
	return nil
}

// unsecure refuses the commands by which any text in the log could change the environment (CVE-2020-15228).
func (s *Scanner) unsecure(c Command, file string) error {
	if s.options.AllowUnsecure {
		return nil
	}
	return fmt.Errorf("the `%s` command is disabled: write to the file %s instead, "+
		"or set the environment variable ACTIONS_ALLOW_UNSECURE_COMMANDS to true if you trust everything that the step prints",
		strings.ToLower(c.Name), file)
}

func (s *Scanner) setEnv(c Command, out *Outcome) error {
	if err := s.unsecure(c, "$GITHUB_ENV"); err != nil {
		return err
	}
	effect, err := named(c, func(name string) Effect { return SetEnv{name, c.Data} })
	if err != nil {
		return err
	}
	if err := CheckEnv(effect.(SetEnv).Name, c.Data); err != nil {
		// GitHub's runner reports it, but the step goes on.
		message := "set-env: " + err.Error()
		out.Level, out.Echo, out.Show = LevelError, message, true
		out.Annotation = &Annotation{Level: LevelError, Message: message}
		return nil //nolint:nilerr // reported, not returned
	}
	out.Effect = effect
	return nil
}

func (s *Scanner) addPath(c Command, out *Outcome) error {
	if err := s.unsecure(c, "$GITHUB_PATH"); err != nil {
		return err
	}
	if c.Data == "" {
		return errors.New("the path is empty")
	}
	out.Effect = AddPath{Path: c.Data}
	return nil
}

func (s *Scanner) deprecated(c Command, file string, out *Outcome) {
	out.Deprecated = true
	out.Warning = fmt.Sprintf("The `%s` command is deprecated: write to the file %s instead", strings.ToLower(c.Name), file)
}

// named makes an effect from the required property `name`.
func named(c Command, make func(name string) Effect) (Effect, error) {
	name, err := required(c, "name")
	if err != nil {
		return nil, err
	}
	return make(name), nil
}

func required(c Command, key string) (string, error) {
	value, _ := c.Props.Lookup(key)
	if value == "" {
		return "", fmt.Errorf("the property %q is missing", key)
	}
	return value, nil
}

func removeMatcher(c Command, out *Outcome) {
	owner, _ := c.Props.Lookup("owner")
	switch {
	case owner != "" && c.Data != "":
		out.Warning = "remove-matcher: either an owner or a file path can be specified, not both"
	case owner == "" && c.Data == "":
		out.Warning = "remove-matcher: an owner or a file path must be specified"
	default:
		out.Effect = RemoveMatcher{Owner: owner, File: c.Data}
	}
}

func repoPath(c Command) (Effect, error) {
	repository, err := required(c, "repoFullName")
	if err != nil {
		return nil, err
	}
	workspace, err := required(c, "workspaceRepo")
	if err != nil {
		return nil, err
	}
	is, _ := strconv.ParseBool(strings.ToLower(workspace))
	return RepoPath{Repository: repository, Path: c.Data, WorkspaceRepo: is}, nil
}
