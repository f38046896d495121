package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drydock-ci/drydock/workflow/expr"
)

func (a *app) exprCommand() *cobra.Command {
	var (
		contextFile string
		asJSON      bool
	)
	cmd := &cobra.Command{
		Use:     "expr EXPR",
		Short:   "Evaluate an expression as GitHub would",
		Long:    `Expr evaluates one expression, with or without ${{ }}. The contexts come from a JSON file: {"github": {...}, "matrix": {...}}. Exit code 3: the expression is wrong.`,
		Example: "  drydock expr \"contains('main,dev', 'dev')\"\n  drydock expr --context contexts.json '${{ matrix.os }}' --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			v, err := evaluate(args[0], contextFile)
			var bad *expr.Error
			if err != nil && !errors.As(err, &bad) {
				return err
			}
			if asJSON {
				return a.printValue(v, bad)
			}
			if bad != nil {
				return &exitError{exitInvalid, bad}
			}
			text := v.Text()
			if k := v.Kind(); k == expr.KindArray || k == expr.KindObject {
				text = v.JSON(true)
			}
			_, err = fmt.Fprintln(a.stdout, text)
			return err
		},
	}
	cmd.Flags().StringVar(&contextFile, "context", "", "JSON `file` with the contexts")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print kind and value, or the error, as JSON")
	return cmd
}

func evaluate(src, contextFile string) (expr.Value, error) {
	scope := expr.Scope{Contexts: map[string]expr.Value{}}
	var known *expr.Known
	if contextFile != "" {
		data, err := os.ReadFile(contextFile)
		if err != nil {
			return expr.Value{}, usage("read --context: %w", err)
		}
		all, err := expr.DecodeJSON(data)
		if err != nil {
			return expr.Value{}, usage("read --context %q: %w", contextFile, err)
		}
		known = &expr.Known{}
		for _, name := range all.Keys() {
			scope.Contexts[strings.ToLower(name)], _ = all.Lookup(name)
			known.Contexts = append(known.Contexts, name)
		}
	}
	src = strings.TrimSpace(src)
	if inner, ok := strings.CutPrefix(src, "${{"); ok && strings.HasSuffix(inner, "}}") {
		src = strings.TrimSuffix(inner, "}}")
	}
	e, err := expr.Parse(src, known)
	if err != nil {
		return expr.Value{}, err
	}
	return e.Eval(scope)
}

// printValue writes the form that the shared suites use.
func (a *app) printValue(v expr.Value, bad *expr.Error) error {
	e := json.NewEncoder(a.stdout)
	e.SetEscapeHTML(false)
	if bad != nil {
		kind := strings.ToLower(fmt.Sprint(bad.Kind))
		if err := e.Encode(map[string]any{"error": map[string]any{"kind": kind, "message": bad.Message}}); err != nil {
			return err
		}
		return &exitError{exitInvalid, nil}
	}
	return e.Encode(map[string]any{"result": map[string]any{"kind": v.Kind().String(), "value": jsonValue(v)}})
}

// jsonValue keeps what JSON has no number for as text.
func jsonValue(v expr.Value) any {
	if v.Kind() == expr.KindNumber {
		if t := v.Text(); t == "NaN" || strings.HasSuffix(t, "Infinity") {
			return t
		}
	}
	return v
}
