package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/report"
)

func TestPagesAreWritten(t *testing.T) {
	dir := t.TempDir()
	summary, own := filepath.Join(dir, "summary.md"), filepath.Join(dir, "own.md")
	t.Setenv(stepSummary, summary)
	run := report.Run{Report: conformance.Report{Passed: 1, Specs: []conformance.SpecReport{{Name: "sync: x", State: conformance.Passed}}}}
	for _, c := range []struct {
		file  string
		count int // summaries in the file after two runs
	}{{summary, 2}, {own, 1}} {
		pages := testPages{html: filepath.Join(dir, "page.html"), markdown: c.file}
		for range 2 {
			if err := pages.write(run); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(c.file)
		if err != nil || strings.Count(string(text), "1 spec passed") != c.count {
			t.Errorf("%s: %v, want %d summaries:\n%s", c.file, err, c.count, text)
		}
		page, err := os.ReadFile(pages.html)
		if err != nil || strings.Count(string(page), "<!DOCTYPE html>") != 1 {
			t.Errorf("page: %v:\n%s", err, page)
		}
	}
	err := testPages{html: dir}.write(run)
	if err == nil || !strings.Contains(err.Error(), "write report: open "+dir) {
		t.Errorf("a folder for a file: %v", err)
	}
}
