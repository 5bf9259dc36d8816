package lab

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestMain lets this program be the other process of a test.
func TestMain(m *testing.M) {
	if dir := os.Getenv("PTPLAB_TEST_HOLD"); dir != "" {
		holdLock(dir)
	}
	os.Exit(m.Run())
}

// holdLock takes a lock, says so, and holds it until it is killed.
func holdLock(dir string) {
	if _, err := (Home{Dir: dir}).acquire("oc", "run"); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("held")
	os.Stdin.Read(make([]byte, 1))
	os.Exit(0)
}

// holder starts a process that holds the lock of lab oc.
func holderOf(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PTPLAB_TEST_HOLD="+dir)
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	return cmd
}

func TestLockNamesItsHolder(t *testing.T) {
	home := Home{Dir: t.TempDir() + "/home"}
	other := holderOf(t, home.Dir)
	_, err := home.acquire("oc", "down")
	var busy *BusyError
	if !errors.As(err, &busy) || busy.Lab != "oc" {
		t.Fatalf("a second holder: %v, want *BusyError", err)
	}
	if want := fmt.Sprintf("ptplab run, process %d", other.Process.Pid); busy.Holder != want || !strings.Contains(err.Error(), want) {
		t.Errorf("the holder is %q in %q, want %q", busy.Holder, err, want)
	}
	l, err := home.acquire("bc", "down")
	if err != nil {
		t.Errorf("the lock of another lab: %v", err)
	} else {
		l.Release()
	}
	if info, err := os.Stat(home.Dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the home is %v, %v, want mode 0700", info.Mode(), err)
	}
	if info, err := os.Stat(home.lock("oc")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the lock is %v, %v, want mode 0600", info.Mode(), err)
	}
}

func TestLockOfDeadProcessIsFree(t *testing.T) {
	home := Home{Dir: t.TempDir()}
	other := holderOf(t, home.Dir)
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	other.Wait()
	l, err := home.acquire("oc", "up")
	if err != nil {
		t.Fatalf("the lock of a killed process: %v", err)
	}
	defer l.Release()
	text, err := os.ReadFile(home.lock("oc"))
	if want := fmt.Sprintf("ptplab up, process %d\n", os.Getpid()); err != nil || string(text) != want {
		t.Errorf("the lock says %q, %v, want %q", text, err, want)
	}
}

func TestLockTwiceInOneProcess(t *testing.T) {
	home := Home{Dir: t.TempDir()}
	l, err := home.acquire("oc", "up")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := home.acquire("oc", "down"); err == nil {
		again.Release()
		t.Error("one process holds a lock twice")
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	if l, err = home.acquire("oc", "down"); err != nil {
		t.Fatalf("a lock that was given back: %v", err)
	}
	if err := l.remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(home.lock("oc")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the lock of a lab that is gone: %v", err)
	}
}

// TestLockWhoseFileIsRemoved has a down that takes the file away between somebody's open and flock: that one holds
// the lock of a file that nobody else would find.
func TestLockWhoseFileIsRemoved(t *testing.T) {
	home := Home{Dir: t.TempDir()}
	path := home.lock("oc")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for name, change := range map[string]func() error{
		"removed":  func() error { return os.Remove(path) },
		"replaced": func() error { return errors.Join(os.WriteFile(path+".x", nil, 0o600), os.Rename(path+".x", path)) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if isAt(f, path) {
			t.Errorf("%s: the old file passes for the one at the path", name)
		}
	}
	l, err := home.acquire("oc", "up")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	if !isAt(l.file, path) {
		t.Error("the lock is not that of the file at the path")
	}
}

func TestLockThatNoteIsMissing(t *testing.T) {
	home := Home{Dir: t.TempDir()}
	l, err := home.acquire("oc", "up")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	if err := os.Truncate(home.lock("oc"), 0); err != nil { // as between flock and the note
		t.Fatal(err)
	}
	var busy *BusyError
	if _, err := home.acquire("oc", "up"); !errors.As(err, &busy) || busy.Holder != "another ptplab has just begun" {
		t.Errorf("a holder without a note: %v", err)
	}
}
