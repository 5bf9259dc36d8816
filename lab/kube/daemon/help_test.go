package daemon

import (
	"os"
	"reflect"
	"strconv"
	"testing"
)

func itoa(n int) string { return strconv.Itoa(n) }

func equal(a, b any) bool { return reflect.DeepEqual(a, b) }

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
