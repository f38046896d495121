package runner

import (
	"fmt"
	"strings"
)

// shell is how a script file is run.
type shell struct {
	args     []string // with "{0}" for the file
	ext      string
	display  string
	fix      func(string) string
	fallback bool // sh will do when there is no bash
}

// argv puts the file's path into the arguments.
func (s shell) argv(file string) []string {
	out := make([]string, len(s.args))
	for i, a := range s.args {
		out[i] = strings.ReplaceAll(a, "{0}", file)
	}
	return out
}

func asIs(s string) string { return s }

// pwshFix stops at the first error and passes the last exit code on
// (actions/runner: ScriptHandlerHelpers.cs).
func pwshFix(s string) string {
	return "$ErrorActionPreference = 'stop'\n" + s + "\nif ((Test-Path -LiteralPath variable:\\LASTEXITCODE)) { exit $LASTEXITCODE }"
}

func cmdFix(s string) string { return "@echo off\r\n" + strings.ReplaceAll(s, "\n", "\r\n") }

// known are GitHub's shells by name.
var known = map[string]shell{
	"bash":       {args: []string{"bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "{0}"}, ext: ".sh", fix: asIs},
	"sh":         {args: []string{"sh", "-e", "{0}"}, ext: ".sh", fix: asIs},
	"pwsh":       {args: []string{"pwsh", "-command", ". '{0}'"}, ext: ".ps1", fix: pwshFix},
	"powershell": {args: []string{"powershell", "-command", ". '{0}'"}, ext: ".ps1", fix: pwshFix},
	"cmd":        {args: []string{"cmd", "/D", "/E:ON", "/V:OFF", "/S", "/C", `CALL "{0}"`}, ext: ".cmd", fix: cmdFix},
	"python":     {args: []string{"python", "{0}"}, ext: ".py", fix: asIs},
}

// shellOf chooses the shell. A job container without one gets sh; a machine
// gets bash, or sh when there is no bash.
func shellOf(name string, container, composite bool) (shell, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		if composite {
			return shell{}, fmt.Errorf("required property is missing: shell (a run step of a composite action needs one)")
		}
		if container {
			s := known["sh"]
			s.display = "sh -e {0}"
			return s, nil
		}
		return shell{args: []string{"bash", "-e", "{0}"}, ext: ".sh", fix: asIs, display: "bash -e {0}", fallback: true}, nil
	}
	if s, ok := known[strings.ToLower(name)]; ok {
		s.display = strings.Join(s.args, " ")
		return s, nil
	}
	if !strings.Contains(name, "{0}") {
		return shell{}, fmt.Errorf("invalid shell option %q: it must be a built-in shell (bash, sh, pwsh, powershell, cmd, python) or a command with {0} for the script's path", name)
	}
	program, rest, _ := strings.Cut(name, " ")
	words, err := splitWords(braces.Replace(rest))
	if err != nil {
		return shell{}, fmt.Errorf("invalid shell option %q: %w", name, err)
	}
	s := shell{args: append([]string{program}, words...), fix: asIs, display: name}
	if k, ok := known[strings.ToLower(program)]; ok {
		s.ext, s.fix = k.ext, k.fix
	}
	return s, nil
}

// braces undoubles the braces of a .NET format string.
var braces = strings.NewReplacer("{{", "{", "}}", "}")
