package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ptplab/ptplab/lab/agent"
	"github.com/ptplab/ptplab/lab/topology"
)

// TestSendMatches wants plain files that match and nothing that a link leads to.
func TestSendMatches(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(t.TempDir(), "key")
	for path, text := range map[string]string{"ptp4l.1.config": "one", "ptp4l.0.config": "zero", "ptp4l.0.socket": "no", "sub.config/x.config": "no"} {
		path = filepath.Join(dir, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.WriteFile(secret, []byte("hush"), 0o600), os.Symlink(secret, filepath.Join(dir, "out.config")), os.Symlink("ptp4l.0.config", filepath.Join(dir, "in.config"))); err != nil {
		t.Fatal(err)
	}
	var got []string
	send := func(f CollectedFile) error {
		got = append(got, fmt.Sprintf("%s=%s%s", f.Name, f.Bytes, f.Fault))
		return nil
	}
	if err := sendMatches(send, "run", dir, "*.config"); err != nil || !slices.Equal(got, []string{"run/ptp4l.0.config=zero", "run/ptp4l.1.config=one"}) {
		t.Errorf("%s, %v", got, err)
	}
	if err := sendMatches(send, "run", filepath.Join(dir, "nothing"), "*.config"); err != nil || len(got) != 2 {
		t.Errorf("no directory: %s, %v", got, err)
	}
	gone := errors.New("gone")
	if err := sendMatches(func(CollectedFile) error { return gone }, "run", dir, "*.config"); !errors.Is(err, gone) {
		t.Errorf("nobody listens: %v", err)
	}
}

// TestEnds wants the end of what is too long.
func TestEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "long")
	text := append(bytes.Repeat([]byte("x"), collectBytes), "the end"...)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range []CollectedFile{fileEnd("long", path), collected("long", text, nil)} {
		if !f.Cut || f.Fault != "" || len(f.Bytes) != collectBytes || !bytes.HasSuffix(f.Bytes, []byte("the end")) {
			t.Errorf("cut %t, fault %q, %d bytes", f.Cut, f.Fault, len(f.Bytes))
		}
	}
	if f := collected("short", []byte("all"), nil); f.Cut || string(f.Bytes) != "all" {
		t.Errorf("%+v", f)
	}
	if f := fileEnd("none", path+"x"); f.Fault == "" || len(f.Bytes) > 0 {
		t.Errorf("%+v", f)
	}
}

func TestCollectNobody(t *testing.T) {
	w := NewWorld(WorldOptions{Lab: "x"})
	w.plan = aPlan(topology.NodesPlain)
	for _, node := range []string{"w9", "control-plane", "../w1"} {
		if _, err := w.collect(t.Context(), nil, CollectArgs{node}); agent.KindOf(err) != "usage" {
			t.Errorf("%s: %v", node, err)
		}
	}
}
