package conformance

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/reporters"
	"github.com/onsi/ginkgo/v2/types"
)

// writeJUnit writes Ginkgo's JUnit form of a run, without what names the machine or the Go source.
func writeJUnit(file string, tree ginkgo.Report) error {
	if file == "" {
		return nil
	}
	tree.SuitePath = "conformance"
	config := reporters.JunitReportConfig{
		OmitLeafNodeType: true, OmitSuiteSetupNodes: true,
		OmitTimelinesForSpecState: types.SpecStatePassed | types.SpecStateSkipped,
	}
	if err := reporters.GenerateJUnitReportWithConfig(tree, file, config); err != nil {
		return fmt.Errorf("write JUnit report %s: %w", file, err)
	}
	return nil
}

// writeJSON writes a report as JSON.
func writeJSON(file string, report Report) error {
	if file == "" {
		return nil
	}
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return fmt.Errorf("write JSON report %s: %w", file, err)
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write JSON report: %w", err)
	}
	return nil
}
