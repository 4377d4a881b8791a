package scripts

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The style that the rest of the repository is read by, as a test: no function is longer than a screen or more tangled than a
// mind holds, no file longer than one sitting, and nothing is exported without a word on what it is.
const (
	maxFunctionLines = 70
	maxComplexity    = 15 // 20 in tests, which list cases
	maxFileLines     = 450
)

func TestTidy(t *testing.T) {
	err := filepath.WalkDir("..", func(path string, entry os.DirEntry, err error) error {
		if entry.IsDir() && slices.Contains([]string{".git", "build", "store", "testdata"}, entry.Name()) {
			return filepath.SkipDir
		}
		if err == nil && strings.HasSuffix(path, ".go") {
			tidyFile(t, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func tidyFile(t *testing.T, path string) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.ParseComments)
	if err != nil {
		t.Error(err)
		return
	}
	isTest := strings.HasSuffix(path, "_test.go")
	if n := files.File(file.Pos()).LineCount(); n > maxFileLines && !isTest {
		t.Errorf("%s has %d lines", path, n)
	}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			lines := files.Position(d.End()).Line - files.Position(d.Pos()).Line + 1
			if lines > maxFunctionLines {
				t.Errorf("%s: %s has %d lines", path, d.Name.Name, lines)
			}
			limit := maxComplexity
			if isTest {
				limit += 5
			}
			if n := complexity(d); n > limit {
				t.Errorf("%s: %s has a cyclomatic complexity of %d", path, d.Name.Name, n)
			}
			if d.Name.IsExported() && exportedReceiver(d) && d.Doc == nil && !isTest {
				t.Errorf("%s: %s is exported without a comment", path, d.Name.Name)
			}
		case *ast.GenDecl:
			tidyDecl(t, path, d, isTest)
		}
	}
}

// tidyDecl wants a comment on exported types, constants and variables, or on the group that they stand in.
func tidyDecl(t *testing.T, path string, d *ast.GenDecl, isTest bool) {
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && d.Doc == nil && s.Doc == nil && !isTest {
				t.Errorf("%s: type %s is exported without a comment", path, s.Name.Name)
			}
		case *ast.ValueSpec:
			for _, name := range s.Names {
				if name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil && !isTest {
					t.Errorf("%s: %s is exported without a comment", path, name.Name)
				}
			}
		}
	}
}

// exportedReceiver says whether a function, or the type whose method it is, can be seen from outside.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	exported := false
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			exported = id.IsExported()
			return false
		}
		return !exported
	})
	return exported
}

// complexity counts the ways through a function: one, and one more for each decision.
func complexity(d *ast.FuncDecl) int {
	n := 1
	ast.Inspect(d, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt:
			n++
		case *ast.CaseClause:
			if node.List != nil {
				n++
			}
		case *ast.CommClause:
			if node.Comm != nil {
				n++
			}
		case *ast.BinaryExpr:
			if node.Op == token.LAND || node.Op == token.LOR {
				n++
			}
		}
		return true
	})
	return n
}
