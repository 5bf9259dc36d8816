package sim

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestIsBlank(t *testing.T) {
	marked := make([]byte, 4096)
	marked[1024+56], marked[1024+57] = 0x53, 0xef
	turned := make([]byte, 4096)
	turned[1024+56], turned[1024+57] = 0xef, 0x53
	for name, test := range map[string]struct {
		text  []byte
		blank bool
		fault bool
	}{
		"nothing written": {text: make([]byte, 4096), blank: true},
		"a file system":   {text: marked},
		"another mark":    {text: turned, blank: true},
		"too short":       {text: marked[:1024+57], fault: true},
	} {
		path := filepath.Join(t.TempDir(), "disk")
		if err := os.WriteFile(path, test.text, 0o600); err != nil {
			t.Fatal(err)
		}
		blank, err := isBlank(path)
		if (err != nil) != test.fault || blank != test.blank {
			t.Errorf("%s: %t, %v", name, blank, err)
		}
	}
	if _, err := isBlank(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no device: no error")
	}
}

// TestMakeDisk makes a disk once: one that is there stays as it is.
func TestMakeDisk(t *testing.T) {
	m := Machine{Dir: t.TempDir()}
	if err := m.makeDisk(3); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(m.Disk())
	if err != nil || info.Size() != 3<<20 || info.Mode().Perm() != 0o600 {
		t.Fatalf("%+v, %v", info, err)
	}
	if err := os.WriteFile(m.Disk(), []byte("a copy"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := m.makeDisk(3); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(m.Disk()); err != nil || string(text) != "a copy" {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

func TestDiskArguments(t *testing.T) {
	m := Machine{Dir: "/labs/a"}
	if got := m.diskArguments(Spec{}); !slices.Equal(got, []string{"ubd0=/labs/a/disk", "PTPLAB_DISK=on"}) {
		t.Errorf("without a tape: %q", got)
	}
	if got := m.diskArguments(Spec{Tape: "/c/t"}); !slices.Contains(got, "ubd1r=/c/t") {
		t.Errorf("with a tape: %q", got)
	}
}
