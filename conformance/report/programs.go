package report

import (
	"context"
	"strings"

	"github.com/ptplab/ptplab/conformance/sut"
)

// Programs asks a node for the versions of what was tested. What it does not tell is left out.
func Programs(ctx context.Context, system sut.System, node string) []Fact {
	var all []Fact
	for _, q := range []struct {
		name string
		argv []string
	}{
		{"Kernel", []string{"uname", "-r"}},
		{"linuxptp", []string{"ptp4l", "-v"}},
	} {
		result, err := system.Exec(ctx, node, q.argv)
		if text := strings.TrimSpace(result.Stdout); err == nil && result.Exit == 0 && text != "" {
			all = append(all, Fact{q.name, text})
		}
	}
	return all
}
