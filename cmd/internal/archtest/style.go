package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

// checkDocs asks every package for a doc.go that holds its comment.
func checkDocs(t *tree) []string {
	var problems []string
	for _, p := range t.packages {
		i := slices.IndexFunc(p.files, func(f file) bool { return path.Base(f.path) == "doc.go" })
		if i < 0 {
			problems = append(problems, fmt.Sprintf("package %s has no doc.go: write one that says what it gives and what it never does", p.path))
			continue
		}
		doc := p.files[i].ast
		begins := "Package " + doc.Name.Name + " "
		if p.main() {
			begins = "Command " + path.Base(p.path) + " "
		}
		if !strings.HasPrefix(doc.Doc.Text(), begins) {
			problems = append(problems, fmt.Sprintf("%s: the package comment does not begin with %q", p.files[i].path, begins))
		}
	}
	return problems
}

// checkSizes keeps files to one idea and main to one call.
func checkSizes(t *tree) []string {
	var problems []string
	for _, p := range t.packages {
		for _, f := range p.files {
			limit := maxFileLines
			if f.path == "cmd/drydock/main.go" {
				limit = maxMainLines
			}
			if !f.test && f.lines > limit {
				problems = append(problems, fmt.Sprintf("%s has %d lines, more than %d: split it by idea", f.path, f.lines, limit))
			}
		}
	}
	return problems
}

// checkNames refuses package names that say nothing, and Get.
func checkNames(t *tree) []string {
	var problems []string
	for _, p := range t.packages {
		for element := range strings.SplitSeq(p.path, "/") {
			if slices.Contains(bannedNames, element) {
				problems = append(problems, fmt.Sprintf("package %s: %q says nothing: name it by the thing it gives", p.path, element))
			}
		}
		for _, f := range p.files {
			for _, decl := range f.ast.Decls {
				fn, ok := decl.(*ast.FuncDecl)
				if !ok || f.test {
					continue
				}
				rest, ok := strings.CutPrefix(fn.Name.Name, "Get")
				if ok && rest != "" && rest[0] >= 'A' && rest[0] <= 'Z' && !slices.Contains(othersNames, fn.Name.Name) {
					problems = append(problems, fmt.Sprintf("%s: %s: leave out the Get", t.fset.Position(fn.Pos()), fn.Name.Name))
				}
			}
		}
	}
	return problems
}

// checkEnds refuses what ends the whole program anywhere but in a main package.
func checkEnds(t *tree) []string {
	var problems []string
	for _, p := range t.packages {
		if p.main() {
			continue
		}
		for _, f := range p.files {
			if f.test {
				continue
			}
			ast.Inspect(f.ast, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if ok {
					if name := ends(call); name != "" {
						problems = append(problems, fmt.Sprintf("%s: %s outside main: return an error", t.fset.Position(call.Pos()), name))
					}
				}
				return true
			})
		}
	}
	return problems
}

// ends names the call if it ends the program. panic(http.ErrAbortHandler) does not:
// it is net/http's way to end a connection.
func ends(call *ast.CallExpr) string {
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		if fun.Name == "panic" && !(len(call.Args) == 1 && isAbortHandler(call.Args[0])) {
			return "panic"
		}
	case *ast.SelectorExpr:
		x, ok := fun.X.(*ast.Ident)
		if ok && x.Name == "log" && (strings.HasPrefix(fun.Sel.Name, "Fatal") || strings.HasPrefix(fun.Sel.Name, "Panic")) {
			return "log." + fun.Sel.Name
		}
	}
	return ""
}

func isAbortHandler(e ast.Expr) bool {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := s.X.(*ast.Ident)
	return ok && x.Name == "http" && s.Sel.Name == "ErrAbortHandler"
}

// checkTop holds the top of the repository against the list.
func checkTop(t *tree) []string {
	var problems []string
	for _, name := range t.top {
		if !strings.HasPrefix(name, ".") && !slices.Contains(topLevel, name) {
			problems = append(problems, fmt.Sprintf("%s stands at the top of the repository: the top level is fixed, find it a place below %s", name, strings.Join(topLevel[:6], ", ")))
		}
	}
	return problems
}
