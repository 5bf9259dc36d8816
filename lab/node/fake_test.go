package node

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The test binary is also the fake program: it prints what a script file says, and what is appended to it.
const fakeDir = "PTPLAB_FAKE_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(fakeDir); dir != "" {
		os.Exit(fake(dir, os.Args[1:]))
	}
	os.Exit(m.Run())
}

// fake prints the lines of its script. "!exit N" ends it.
func fake(dir string, argv []string) int {
	i := slices.Index(argv, "-f")
	if i < 0 || i+1 >= len(argv) {
		return 2
	}
	config := filepath.Base(argv[slices.Index(argv[1:], "-f")+2])
	if _, err := os.Stat(filepath.Join(dir, config)); err != nil {
		fmt.Fprintln(os.Stderr, "failed to open configuration file", argv[i+1])
		return 3
	}
	f, err := os.Open(filepath.Join(dir, "script", config))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 4
	}
	for r := bufio.NewReader(f); ; {
		line, err := r.ReadString('\n')
		if err == io.EOF {
			time.Sleep(2 * time.Millisecond)
			continue
		}
		if code, found := strings.CutPrefix(strings.TrimSpace(line), "!exit "); found {
			n, _ := strconv.Atoi(code)
			return n
		}
		_, _ = os.Stdout.WriteString(line)
	}
}

// bench is a node whose programs are fakes.
type bench struct {
	*testing.T
	*Node
	dir string
}

func newBench(t *testing.T, o Options) *bench {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "script"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ptp4l.0", "ptp4l.1", "ptp4l.2", "phc2sys.0", "phc2sys.1", "phc2sys.2"} {
		if err := os.WriteFile(filepath.Join(dir, "script", name+".config"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if o.Name == "" {
		o.Name = "w1"
	}
	o.RunDir = dir
	if o.ReadEvery == 0 {
		o.ReadEvery = 5 * time.Millisecond
	}
	o.Enter = func(argv []string) *exec.Cmd {
		cmd := exec.Command(os.Args[0], argv...)
		cmd.Env = append(os.Environ(), fakeDir+"="+dir)
		return cmd
	}
	if testing.Verbose() {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	n, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, Node: n, dir: dir}
	t.Cleanup(func() {
		if err := n.Stop(context.Background()); err != nil { // t.Context has ended by now
			t.Error(err)
		}
	})
	return b
}

// write makes the fake with that configuration print lines.
func (b *bench) write(config, lines string) {
	b.Helper()
	f, err := os.OpenFile(filepath.Join(b.dir, "script", config), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(lines); err != nil {
		b.Fatal(err)
	}
}

// until waits for a state of the node, and says what it waited for and what there was instead.
func (b *bench) until(what string, is func(Status) bool) Status {
	b.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		if s := b.Status(); is(s) {
			return s
		}
		time.Sleep(3 * time.Millisecond)
	}
	b.Fatalf("no %s; status %+v", what, b.Status())
	return Status{}
}

func (b *bench) apply(configs ...PtpConfig) {
	b.Helper()
	if err := b.Apply(b.Context(), configs); err != nil {
		b.Fatal(err)
	}
}

// metrics scrapes the node and gives the lines with that prefix.
func (b *bench) metrics(prefix string) string {
	b.Helper()
	w := httptest.NewRecorder()
	b.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		b.Fatalf("/metrics: %d %s", w.Code, w.Body)
	}
	var lines strings.Builder
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, prefix) {
			lines.WriteString(line)
		}
	}
	return lines.String()
}
