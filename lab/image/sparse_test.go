package image

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestCopySparse copies a file with holes at its beginning, in its middle and at its end.
func TestCopySparse(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	f, err := os.Create(from)
	if err != nil {
		t.Fatal(err)
	}
	const size = 256 << 20
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	written := map[int64][]byte{1 << 20: bytes.Repeat([]byte("a"), 3<<20), 200<<20 + 5: []byte("the last")}
	for at, text := range written {
		if _, err := f.WriteAt(text, at); err != nil {
			t.Fatal(err)
		}
	}
	f.Close()
	if err := CopySparse(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	a, err1 := os.ReadFile(from)
	b, err2 := os.ReadFile(to)
	if err1 != nil || err2 != nil || !bytes.Equal(a, b) || len(b) != size {
		t.Fatalf("the copy differs: %d bytes, %v, %v", len(b), err1, err2)
	}
	used, err := diskUse(to)
	if err != nil {
		t.Fatal(err)
	}
	if used > 16<<20 {
		t.Errorf("the copy takes %d bytes of disk", used)
	}
	if err := CopySparse(t.Context(), from, to); !os.IsExist(err) {
		t.Errorf("copy over a file: %v", err)
	}
}
