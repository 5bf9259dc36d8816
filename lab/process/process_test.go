package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func sleeper(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd
}

func TestKillAll(t *testing.T) {
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	one, two, other := sleeper(t), sleeper(t), sleeper(t)
	go one.Wait()
	go two.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := Kill(ctx, []int{one.Process.Pid, gone.Process.Pid, two.Process.Pid}); err != nil {
		t.Fatal(err)
	}
	if p, err := Open(other.Process.Pid); err != nil {
		t.Errorf("a process that was not named: %v", err)
	} else {
		p.Close()
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	p, err := Open(sleeper(t).Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	cancel(enough)
	if err := p.Wait(ctx); !errors.Is(err, enough) {
		t.Errorf("Wait: %v", err)
	}
}

func TestOpenGone(t *testing.T) {
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(cmd.Process.Pid); !errors.Is(err, ErrGone) {
		t.Errorf("Open: %v", err)
	}
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if lines := Tail(path, 3); lines != nil {
		t.Errorf("no file: %q", lines)
	}
	var text strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&text, "line %d\n", i)
	}
	for content, want := range map[string][]string{
		"":            nil,
		"\n":          nil,
		"a\nb":        {"a", "b"},
		text.String(): {"line 4997", "line 4998", "line 4999"},
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if lines := Tail(path, 3); !slices.Equal(lines, want) {
			t.Errorf("%d bytes: %q, want %q", len(content), lines, want)
		}
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if n := len(Tail(path, 0)); n < 1000 || n >= 5000 {
		t.Errorf("all lines: %d", n)
	}
}
