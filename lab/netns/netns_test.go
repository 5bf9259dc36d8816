package netns

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

func TestBadNamesAreRefused(t *testing.T) {
	dir := Dir(t.TempDir())
	for _, name := range []string{"", ".", "..", "a/b", "../a", "-a", "a b", "a\n"} {
		if err := dir.Create(name); err == nil {
			t.Errorf("Create(%q) did not refuse the name", name)
		}
		if err := dir.Delete(name); err == nil {
			t.Errorf("Delete(%q) did not refuse the name", name)
		}
		if _, err := dir.Open(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open(%q) = %v, want ErrNotExist", name, err)
		}
	}
}

func TestMissingDirectoryIsEmpty(t *testing.T) {
	dir := Dir(filepath.Join(t.TempDir(), "none"))
	if names, err := dir.List(); err != nil || len(names) != 0 {
		t.Errorf("List = %v, %v", names, err)
	}
	if err := dir.Delete("w1"); err != nil {
		t.Errorf("Delete: %v", err)
	}
	if err := dir.DeleteAll(); err != nil {
		t.Errorf("DeleteAll: %v", err)
	}
}

func TestPlainFileIsNoNamespace(t *testing.T) {
	dir := Dir(t.TempDir())
	if err := os.WriteFile(dir.Path("w1"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if names, err := dir.List(); err != nil || len(names) != 0 {
		t.Errorf("List = %v, %v, want nothing", names, err)
	}
	if _, err := dir.Open("w1"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open = %v, want ErrNotExist", err)
	}
	if err := dir.DeleteAll(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(string(dir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("directory is still there: %v", err)
	}
}

func TestThrowawayThreadIsNotTheFirst(t *testing.T) {
	for range 64 {
		var tid int
		wantErr := errors.New("passed on")
		if err := onThrowawayThread(func() error { tid = unix.Gettid(); return wantErr }); err != wantErr {
			t.Fatalf("error = %v", err)
		}
		if tid == unix.Getpid() {
			t.Fatal("ran on the first thread")
		}
		runtime.Gosched()
	}
}

func TestPanicIsPassedOn(t *testing.T) {
	defer func() {
		if recover() != "boom" {
			t.Error("panic did not reach the caller")
		}
	}()
	_ = onThrowawayThread(func() error { panic("boom") })
}
