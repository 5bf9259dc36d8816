package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"

	"github.com/onsi/ginkgo/v2/types"

	"github.com/ptplab/ptplab/conformance/specs"
)

// Options say what to run and where to report it. The zero value runs everything and reports to the caller only.
type Options struct {
	Mode        string   // "OC", "DualNICBC"; empty for what the system offers
	LabelFilter string   // a Ginkgo label query over areas and modes: "sync || path"
	Focus       []string // regular expressions; a spec runs if its name matches one of them
	Skip        []string // regular expressions; a spec whose name matches one of them does not run
	DryRun      bool     // list what would run and touch nothing but the inventory
	FailFast    bool     // stop at the first failure
	// FlakeAttempts is how often a spec may be tried before it has failed; 0 and 1 stand for once. The report tells how
	// often each was.
	FlakeAttempts int
	Settings      *specs.Settings // bounds and times; nil for specs.DefaultSettings
	Progress      io.Writer       // one line as each spec starts, and each failure; nil for none
	Observer      Observer        // is told when specs begin and end; nil for nobody
	JUnit         string          // file to write a JUnit report to; empty for none
	JSON          string          // file to write a JSON report to; empty for none
}

// Observer is told of specs, such as a collector of logs that marks where they begin. What it has to complain of is an error
// of the run and fails no spec.
type Observer interface {
	SpecBegins(ctx context.Context, name string) error
	SpecEnds(ctx context.Context, name, outcome string) error
}

// selects says whether a spec of this name should run, by Focus and Skip, which must be valid.
func (o Options) selects(name string) bool {
	matches := func(pattern string) bool { return regexp.MustCompile(pattern).MatchString(name) }
	return (len(o.Focus) == 0 || slices.ContainsFunc(o.Focus, matches)) && !slices.ContainsFunc(o.Skip, matches)
}

// ErrUsage is wrapped by every error that Options cause.
var ErrUsage = errors.New("bad options")

// validate finds what would otherwise make Ginkgo end the process.
func (o Options) validate() error {
	var faults []error
	if o.LabelFilter != "" {
		if _, err := types.ParseLabelFilter(o.LabelFilter); err != nil {
			faults = append(faults, fmt.Errorf("label filter %q: cannot be parsed", o.LabelFilter))
		}
	}
	for _, pattern := range slices.Concat(o.Focus, o.Skip) {
		if _, err := regexp.Compile(pattern); err != nil {
			faults = append(faults, fmt.Errorf("pattern %q: %w", pattern, err))
		}
	}
	if o.Settings != nil {
		faults = append(faults, o.Settings.Validate())
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("%w: %w", ErrUsage, err)
	}
	return nil
}
