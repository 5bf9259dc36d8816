//go:build guest

package netns

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// requireOneNamespace waits until the threads of this process are all in the same network namespace: a thread that
// was thrown away ends a moment after its work is done.
func requireOneNamespace(t *testing.T) {
	t.Helper()
	var seen map[string]int
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		if seen = threadNamespaces(t); len(seen) == 1 {
			return
		}
	}
	t.Errorf("threads stay in namespaces %v, want one", seen)
}

// threadNamespaces counts the network namespaces that the threads of this process are in.
func threadNamespaces(t *testing.T) map[string]int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, task := range tasks {
		if ns, err := os.Readlink("/proc/self/task/" + task.Name() + "/ns/net"); err == nil {
			seen[ns]++
		}
	}
	return seen
}

func TestLifeOfNamespaces(t *testing.T) {
	dir := Dir(t.TempDir() + "/netns")
	t.Cleanup(func() { _ = dir.DeleteAll() })
	for i := range 20 {
		if err := dir.Create(fmt.Sprintf("w%02d", i)); err != nil {
			t.Fatal(err)
		}
	}
	requireOneNamespace(t)
	names, err := dir.List()
	if err != nil || len(names) != 20 {
		t.Fatalf("List = %v, %v", names, err)
	}

	ns, err := dir.Open("w00")
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	before, err := Inode(ns)
	if err != nil {
		t.Fatal(err)
	}
	if err := dir.Create("w00"); err != nil {
		t.Fatalf("second Create: %v", err)
	}
	again, err := dir.Open("w00")
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if after, _ := Inode(again); after != before {
		t.Errorf("second Create replaced the namespace: inode %d, was %d", after, before)
	}

	if err := dir.DeleteAll(); err != nil {
		t.Fatal(err)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), string(dir)) {
		t.Error("mounts are left behind")
	}
	if err := dir.Delete("w00"); err != nil {
		t.Errorf("second Delete: %v", err)
	}
}

func TestDoRunsInside(t *testing.T) {
	dir := Dir(t.TempDir() + "/netns")
	t.Cleanup(func() { _ = dir.DeleteAll() })
	if err := dir.Create("w1"); err != nil {
		t.Fatal(err)
	}
	ns, err := dir.Open("w1")
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	want, err := Inode(ns)
	if err != nil {
		t.Fatal(err)
	}
	var interfaces []string
	var child string
	err = Do(ns, func() error {
		list, err := net.Interfaces()
		if err != nil {
			return err
		}
		for _, i := range list {
			if i.Flags&net.FlagUp != 0 {
				interfaces = append(interfaces, i.Name)
			}
		}
		out, err := exec.Command("readlink", "/proc/self/ns/net").Output()
		child = strings.TrimSpace(string(out))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"lo"}, interfaces); diff != "" {
		t.Errorf("interfaces that are up (-want +got):\n%s", diff)
	}
	if child != fmt.Sprintf("net:[%d]", want) {
		t.Errorf("child ran in %s, want net:[%d]", child, want)
	}
	requireOneNamespace(t)
}

func TestDeletedNamespaceLivesWhileOpen(t *testing.T) {
	dir := Dir(t.TempDir() + "/netns")
	t.Cleanup(func() { _ = dir.DeleteAll() })
	if err := dir.Create("w1"); err != nil {
		t.Fatal(err)
	}
	ns, err := dir.Open("w1")
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	if err := dir.Delete("w1"); err != nil {
		t.Fatal(err)
	}
	if err := Do(ns, func() error { return nil }); err != nil {
		t.Errorf("open namespace is gone: %v", err)
	}
}

func TestKilledCreateIsCompleted(t *testing.T) {
	dir := Dir(t.TempDir() + "/netns")
	t.Cleanup(func() { _ = dir.DeleteAll() })
	if err := os.MkdirAll(string(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir.Path("w1"), nil, 0o400); err != nil {
		t.Fatal(err)
	}
	if err := dir.Create("w1"); err != nil {
		t.Fatal(err)
	}
	if !isNamespace(dir.Path("w1")) {
		t.Error("nothing is mounted")
	}
	var st unix.Stat_t
	if err := unix.Stat(string(dir), &st); err != nil || st.Mode&0o077 != 0 {
		t.Errorf("directory mode %o, %v", st.Mode&0o777, err)
	}
}
