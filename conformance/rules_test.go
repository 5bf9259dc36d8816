package conformance_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/ptplab/ptplab"

// eachFile parses every Go file of the suite, tests included.
func eachFile(t *testing.T, visit func(path string, files *token.FileSet, file *ast.File)) {
	t.Helper()
	count := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		count++
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, 0)
		if err == nil {
			visit(path, files, file)
		}
		return err
	})
	if err != nil || count < 20 {
		t.Fatalf("%d files, %v", count, err)
	}
}

// TestImports holds the suite apart from the lab.
func TestImports(t *testing.T) {
	eachFile(t, func(path string, _ *token.FileSet, file *ast.File) {
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if forbidden(imported) {
				t.Errorf("%s imports %s. The suite must run against hardware and clusters that no lab has made: what it needs of a "+
					"system is an interface of conformance/sut, which the lab implements and cmd joins.", path, imported)
			}
		}
	})
	for imported, want := range map[string]bool{
		module + "/lab/topology": true, module + "/cmd/ptplab": true, module: true,
		module + "/conformance/sut": false, module + "/conformance": false, "context": false,
	} {
		if forbidden(imported) != want {
			t.Errorf("forbidden(%s) is %v", imported, !want)
		}
	}
}

// forbidden says whether a package is of this module but not of the suite.
func forbidden(imported string) bool {
	inModule := imported == module || strings.HasPrefix(imported, module+"/")
	suite := imported == module+"/conformance" || strings.HasPrefix(imported, module+"/conformance/")
	return inModule && !suite
}

// TestNoWallClockWaits keeps the suite from waiting on this machine's clock.
func TestNoWallClockWaits(t *testing.T) {
	waits := map[string]bool{"Sleep": true, "After": true, "AfterFunc": true, "Tick": true, "NewTimer": true, "NewTicker": true}
	gomegaWaits := map[string]bool{"Eventually": true, "Consistently": true}
	eachFile(t, func(path string, files *token.FileSet, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, _ := selector.X.(*ast.Ident)
			if pkg != nil && pkg.Name == "time" && waits[selector.Sel.Name] || gomegaWaits[selector.Sel.Name] {
				t.Errorf("%s: %s waits by the wall clock. In virtual time the system under test stands still meanwhile; use package wait.",
					files.Position(n.Pos()), selector.Sel.Name)
			}
			return true
		})
	})
}
