package workflow

import (
	"testing"

	"github.com/drydock-ci/drydock/workflow/expr"
)

func TestPlainAccess(t *testing.T) {
	for text, want := range map[string]bool{
		"${{ matrix.os }}":                          true,
		"a ${{github.event.a-b._c}} b ${{ env.A }}": true,
		"${{ GitHub.ref }}":                         true,
		"${{ github }}":                             true,
		"${{ github.event.*.a }}":                   false,
		"${{ github.1 }}":                           false,
		"${{ github. ref }}":                        false,
		"${{ github..ref }}":                        false,
		"${{ github.ref. }}":                        false,
		"${{ other.ref }}":                          false,
		"${{ }}":                                    false,
		"${{ github.ref":                            false,
		"${{ insert }}":                             false,
		"${{ true }}":                               false,
		"${{ github.ref == 'a' }}":                  false,
		"${{ '}}' }}":                               false,
		"${{ github.a.b.c.d.e.f.g.h.i.j.k.l }}":     false,
	} {
		if got := plainAccess(text, stepContexts); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// FuzzPlainAccess: what it takes, the parser takes, and it is not constant.
func FuzzPlainAccess(f *testing.F) {
	f.Add("${{ matrix.os }} ${{ github.event.a }}")
	f.Add("${{github}}}}${{ env.A-B }")
	f.Fuzz(func(t *testing.T, text string) {
		if !plainAccess(text, stepContexts) {
			return
		}
		parsed, err := expr.ParseTemplate(text, &stepContexts.Known)
		if err != nil || parsed.IsInsert() || parsed.IsLiteral() != !expr.HasExpression(text) {
			t.Errorf("%q: %v", text, err)
		}
	})
}
