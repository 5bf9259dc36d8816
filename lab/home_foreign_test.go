package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDownLeavesOthersAlone: a directory that is no lab's is not listed and never removed.
func TestDownLeavesOthersAlone(t *testing.T) {
	home := Home{Dir: t.TempDir()}
	letter := filepath.Join(home.Dir, "documents", "letter")
	if err := os.MkdirAll(filepath.Dir(letter), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(letter, []byte("dear"), 0o600); err != nil {
		t.Fatal(err)
	}
	if names, err := home.Names(); err != nil || len(names) != 0 {
		t.Errorf("labs %v, %v; want none", names, err)
	}
	if _, err := Down(t.Context(), home, "documents"); err == nil || !strings.Contains(err.Error(), "is not a lab: it holds letter") {
		t.Errorf("down of what is no lab: %v", err)
	}
	if _, err := os.Stat(letter); err != nil {
		t.Error(err)
	}
}

// TestCopiedRecord: a record that names another lab does not lead there.
func TestCopiedRecord(t *testing.T) {
	home := Home{Dir: t.TempDir()}
	for _, name := range []string{"victim", "copy"} {
		dir := home.dir(name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, recordName), []byte(`{"name": "victim"}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if found, err := Down(t.Context(), home, "copy"); !found || err != nil {
		t.Errorf("down: %v, %v", found, err)
	}
	if _, err := os.Stat(home.dir("victim")); err != nil {
		t.Errorf("another lab's directory: %v", err)
	}
	if _, err := os.Stat(home.dir("copy")); err == nil {
		t.Error("the directory is still there")
	}
}

// TestTidyKeepsWhatItHasNotMade: only a home that ptplab has made goes with its last lab.
func TestTidyKeepsWhatItHasNotMade(t *testing.T) {
	users := Home{Dir: t.TempDir()}
	ours := Home{Dir: filepath.Join(t.TempDir(), "new", "home")}
	for _, home := range []Home{users, ours} {
		lock, err := home.acquire("oc", "test")
		if err != nil {
			t.Fatal(err)
		}
		if err := lock.remove(); err != nil {
			t.Fatal(err)
		}
		home.tidy()
	}
	if _, err := os.Stat(users.Dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(ours.Dir); err == nil {
		t.Error("the home that was made is still there")
	}
}
