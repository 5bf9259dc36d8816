package lab_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/ptplab/ptplab"

// A rule of direction: what is under from may import, of this module, only what is under one of these.
var directions = []struct {
	from string
	may  []string
	why  string
}{
	{"lab/topology", []string{"lab/topology"}, "the topology is what everything else works from, so it can work from nothing of ours"},
	{"lab/agent", []string{"lab/agent"}, "the agent carries calls and knows nothing of labs"},
	{"lab/", []string{"lab/", "kernel"}, "package lab joins its folders; a folder that imports lab or cmd would turn that around"},
	{"lab", []string{"lab/", "kernel"}, "the commands call the lab, not the other way round, and the suite must do without the lab"},
	{"kernel", []string{"kernel"}, "the kernel's sources and selftest stand alone"},
	{"conformance", []string{"conformance"}, "the suite must run against hardware and clusters that no lab has made"},
}

// under says whether a package is where a pattern means: "lab" is that package alone or, for what has folders of its
// own, all in it; "lab/" is only what is in it.
func under(pkg, pattern string) bool {
	if pattern == "lab" || pattern == "lab/" {
		return pkg == "lab" && pattern == "lab" || pattern == "lab/" && strings.HasPrefix(pkg, "lab/")
	}
	return pkg == pattern || strings.HasPrefix(pkg, pattern+"/")
}

// wrongWay is the reason why one package must not import another, "" if it may. Both are paths within the module.
func wrongWay(from, imported string) string {
	for _, d := range directions {
		if !under(from, d.from) {
			continue
		}
		for _, may := range d.may {
			if under(imported, may) {
				return ""
			}
		}
		return d.why
	}
	return ""
}

func TestDirectionOfImports(t *testing.T) {
	seen := map[string]int{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		from := filepath.ToSlash(filepath.Dir(strings.TrimPrefix(path, "../")))
		seen[from]++
		// lab/bench and lab/labtest drive whole labs from outside.
		if from == "lab/bench" || from == "lab/labtest" {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			within, ours := strings.CutPrefix(imported, module+"/")
			if why := wrongWay(from, within); ours && why != "" {
				t.Errorf("%s imports %s, which %s must not: %s", path, imported, from, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, pkg := range []string{"cmd/ptplab", "conformance", "kernel", "lab", "lab/topology", "lab/engine/sim"} {
		if seen[pkg] == 0 {
			t.Errorf("no file of %s was looked at", pkg)
		}
	}
}

func TestWrongWay(t *testing.T) {
	for _, test := range []struct {
		from, imported string
		wrong          bool
	}{
		{"lab/topology", "lab/run", true},
		{"lab/node", "lab", true},
		{"lab/engine/sim", "lab", true},
		{"lab/node", "cmd/ptplab/talk", true},
		{"lab", "cmd/ptplab/talk", true},
		{"lab", "conformance", true},
		{"conformance/specs", "lab/topology", true},
		{"kernel/selftest", "lab/nsim", true},
		{"lab/agent", "lab/topology", true},
		{"lab", "lab/node", false},
		{"lab", "kernel/selftest", false},
		{"lab/node", "lab/linuxptp/management", false},
		{"lab/image", "kernel", false},
		{"cmd/ptplab", "conformance", false},
		{"cmd/ptplab/system", "lab", false},
		{"conformance/specs", "conformance/sut", false},
	} {
		if why := wrongWay(test.from, test.imported); (why != "") != test.wrong {
			t.Errorf("%s imports %s: reason %q, want wrong %t", test.from, test.imported, why, test.wrong)
		}
	}
}
