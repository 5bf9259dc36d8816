package lab

import (
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptplab/ptplab/lab/topology"
)

// TestRoom wants a file system that is too small to be named with what is missing, and one that is not there with its path.
func TestRoom(t *testing.T) {
	dir := t.TempDir()
	if err := room("memory", dir, 1, "fix it"); err != nil {
		t.Error(err)
	}
	var missing *RoomError
	err := room("memory", dir, math.MaxUint64, "fix it")
	if !errors.As(err, &missing) || missing.Dir != dir || missing.Free == 0 || !strings.HasSuffix(err.Error(), "free; fix it") {
		t.Errorf("more than any disk: %v", err)
	}
	if err := room("disk", filepath.Join(dir, "gone"), 1, ""); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("no such directory: %v", err)
	}
}

// TestRoomOfPlainLabs wants plain workers to need none of it, wherever their memory is.
func TestRoomOfPlainLabs(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "gone"))
	l := &Lab{home: Home{Dir: t.TempDir()}}
	if err := l.checkRoom(&topology.Plan{Nodes: topology.NodesPlain}); err != nil {
		t.Error(err)
	}
	if err := l.checkRoom(&topology.Plan{Nodes: topology.NodesKind}); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("memory in a directory that is not there: %v", err)
	}
}
