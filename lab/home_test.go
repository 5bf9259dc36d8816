package lab

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ptplab/ptplab/lab/topology"
)

func TestDefaultHome(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ home, state, user, want string }{
		"PTPLAB_HOME":            {"/a/b", "/state", "/u", "/a/b"},
		"a relative PTPLAB_HOME": {"x", "/state", "/u", filepath.Join(here, "x")},
		"XDG_STATE_HOME":         {"", "/state", "/u", "/state/ptplab"},
		"a relative one":         {"", "state", "/u", "/u/.local/state/ptplab"},
		"HOME":                   {"", "", "/u", "/u/.local/state/ptplab"},
	} {
		t.Setenv("PTPLAB_HOME", test.home)
		t.Setenv("XDG_STATE_HOME", test.state)
		t.Setenv("HOME", test.user)
		if got, err := DefaultHome(); err != nil || got.Dir != test.want {
			t.Errorf("%s: %q, %v, want %q", name, got.Dir, err, test.want)
		}
	}
	t.Setenv("PTPLAB_HOME", "")
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("HOME", "")
	if _, err := DefaultHome(); err == nil || !strings.Contains(err.Error(), "PTPLAB_HOME") {
		t.Errorf("nowhere: %v, want what to set", err)
	}
}

// makeLab makes what a lab keeps on the host, without a kernel.
func makeLab(t *testing.T, home Home, name, record string) {
	t.Helper()
	l := Lab{Record: Record{Name: name}, home: home}
	if err := os.MkdirAll(l.dir(), 0o700); err != nil {
		t.Fatal(err)
	}
	if record == "" {
		return
	}
	if err := os.WriteFile(l.recordFile(), []byte(record), 0o600); err != nil {
		t.Fatal(err)
	}
}

func leftIn(t *testing.T, home Home) []string {
	t.Helper()
	entries, err := os.ReadDir(home.Dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestOpenNeedsToKnowWhich(t *testing.T) {
	home := Home{Dir: t.TempDir() + "/home"}
	var missing *NotFoundError
	if _, err := Open(home, "", "status"); !errors.As(err, &missing) || !strings.Contains(err.Error(), "ptplab up") {
		t.Errorf("no lab at all: %v", err)
	}
	makeLab(t, home, "oc", "")
	if l, err := Open(home, "", "status"); err != nil || l.Name != "oc" {
		t.Errorf("the only lab: %v", err)
	} else {
		l.Close()
	}
	if _, err := Open(home, "bc", "status"); !errors.As(err, &missing) || err.Error() != "there is no lab bc; there is oc" {
		t.Errorf("another lab: %v", err)
	}
	makeLab(t, home, "bc", "")
	var several *AmbiguousError
	if _, err := Open(home, "", "status"); !errors.As(err, &several) || !slices.Equal(several.Names, []string{"bc", "oc"}) {
		t.Errorf("one of two labs: %v", err)
	}
	for _, name := range []string{"../oc", "a/b", ".", "", strings.Repeat("x", 40)} {
		if _, err := Open(home, name, "status"); err == nil {
			t.Errorf("lab %q is accepted", name)
		}
	}
	if left := leftIn(t, home); slices.Contains(left, "bc.lock") {
		t.Errorf("looking left %q", left)
	}
}

func TestRecordThatIsDamaged(t *testing.T) {
	for name, text := range map[string]string{"empty": " ", "cut": `{"name":"oc","eng`, "not an object": `[1]`, "binary": "\x00\x01"} {
		home := Home{Dir: t.TempDir() + "/home"}
		makeLab(t, home, "oc", text)
		if _, err := home.Record("oc"); err == nil || !strings.Contains(err.Error(), "record of lab oc") {
			t.Errorf("%s: Record: %v", name, err)
		}
		if _, err := Open(home, "oc", "status"); err == nil || !strings.Contains(err.Error(), "ptplab down oc") {
			t.Errorf("%s: Open: %v, want the record and what to do", name, err)
		}
		if found, err := Down(t.Context(), home, "oc"); err != nil || !found {
			t.Errorf("%s: Down: %t, %v", name, found, err)
		}
		if left := leftIn(t, home); len(left) > 0 {
			t.Errorf("%s: Down left %q", name, left)
		}
	}
}

func TestRecordIsWholeOrNotThere(t *testing.T) {
	home := Home{Dir: t.TempDir() + "/home"}
	l := Lab{Record: Record{Name: "oc", Engine: "sim", Time: "virtual", Plan: &topology.Plan{Name: "oc"}}, home: home}
	if err := l.save(); err != nil {
		t.Fatal(err)
	}
	r, err := home.Record("oc")
	if err != nil || r.Engine != "sim" || r.Plan.Name != "oc" {
		t.Errorf("read back as %+v, %v", r, err)
	}
	files, err := os.ReadDir(l.dir())
	if err != nil || len(files) != 1 {
		t.Errorf("in the lab's directory: %v, %v, want the record alone", files, err)
	}
	info, err := os.Stat(l.dir())
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the lab's directory is %v, %v, want mode 0700", info.Mode(), err)
	}
	text, err := os.ReadFile(l.recordFile())
	if err != nil || !json.Valid(text) {
		t.Errorf("the record is %q, %v", text, err)
	}
}

// TestWhatAnEarlyKillLeaves has an up that was killed before it had made the lab's directory: its lock is all there is.
func TestWhatAnEarlyKillLeaves(t *testing.T) {
	home := Home{Dir: t.TempDir() + "/home"}
	other := holderOf(t, home.Dir)
	var busy *BusyError
	if _, err := Open(home, "oc", "status"); !errors.As(err, &busy) {
		t.Errorf("a lab that is being made: %v, want busy", err)
	}
	if _, err := Down(t.Context(), home, "oc"); !errors.As(err, &busy) {
		t.Errorf("down of a lab that is being made: %v, want busy", err)
	}
	other.Process.Kill()
	other.Wait()
	if names, err := home.Names(); err != nil || !slices.Equal(names, []string{"oc"}) {
		t.Errorf("Names = %q, %v, want what down has to clean", names, err)
	}
	if found, err := Down(t.Context(), home, "oc"); err != nil || !found {
		t.Errorf("Down: %t, %v", found, err)
	}
	if _, err := os.Stat(home.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Down left %q, %v", leftIn(t, home), err)
	}
	if found, err := Down(t.Context(), home, "oc"); err != nil || found {
		t.Errorf("Down again: %t, %v", found, err)
	}

	holderOf(t, home.Dir).Process.Kill()
	var missing *NotFoundError
	for err := error(&BusyError{}); errors.As(err, &busy); { // until it is dead
		_, err = Open(home, "oc", "status")
		if !errors.As(err, &busy) && !errors.As(err, &missing) {
			t.Errorf("a lock without a lab: %v, want that there is no lab", err)
		}
	}
	if left := leftIn(t, home); len(left) > 0 {
		t.Errorf("Open left %q of it", left)
	}
}

func TestDownOfALabWithoutAKernel(t *testing.T) {
	home := Home{Dir: t.TempDir() + "/home"}
	makeLab(t, home, "oc", `{"name":"oc"}`)
	makeLab(t, home, "bc", `{"name":"bc"}`)
	if found, err := Down(t.Context(), home, "oc"); err != nil || !found {
		t.Fatalf("Down: %t, %v", found, err)
	}
	if left := leftIn(t, home); !slices.Equal(left, []string{"bc"}) {
		t.Errorf("Down of oc left %q, want bc alone", left)
	}
	l, err := Open(home, "bc", "status")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := l.Status(t.Context()); err == nil || !strings.Contains(err.Error(), "ptplab down bc") {
		t.Errorf("status of a lab whose kernel has ended: %v, want what to do", err)
	}
}
