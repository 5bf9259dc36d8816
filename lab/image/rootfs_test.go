package image

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fakeRoot fills a suite with all that a whole root file system has, and things that should go.
func (f *fakes) fakeRoot() string {
	f.t.Helper()
	return f.fakeRootOf(plainRootFS())
}

func (f *fakes) fakeRootOf(fl flavour) string {
	f.t.Helper()
	suite := filepath.Join(f.dir, "suite-"+rootfsSuite)
	root := filepath.Join(suite, "root")
	for _, name := range fl.programs {
		dir, file := "usr/bin", name
		switch name {
		case "ovs-vswitchd":
			dir = "usr/lib/openvswitch-switch"
		case "awk":
			file = "gawk"
		}
		if slices.Contains(iptablesNames(), name) {
			dir, file = "usr/sbin", strings.Replace(name, "tables", "tables-nft", 1)
		}
		writeFile(f.t, filepath.Join(root, dir, file), "#!/bin/sh\n")
		if err := os.Chmod(filepath.Join(root, dir, file), 0o4755); err != nil {
			f.t.Fatal(err)
		}
	}
	for _, path := range fl.files {
		writeFile(f.t, filepath.Join(root, path), "x")
	}
	for _, path := range []string{
		"usr/bin/which.debianutils", "usr/sbin/sysctl", "etc/hostname", "etc/resolv.conf", "usr/share/doc/ethtool/copyright", "usr/share/doc/ethtool/NEWS.gz",
		"usr/share/locale/de/x.mo", "usr/share/man/man8/ptp4l.8.gz", "var/lib/dpkg/status", "run/left", "usr/share/common-licenses/GPL-2",
	} {
		writeFile(f.t, filepath.Join(root, path), "x")
	}
	for _, link := range []string{"bin", "sbin", "lib", "lib64"} {
		if err := os.Symlink("usr/"+link, filepath.Join(root, link)); err != nil {
			f.t.Fatal(err)
		}
	}
	if err := os.Symlink("/usr/share/man/man8/ptp4l.8.gz", filepath.Join(root, "usr/lib/dangling")); err != nil {
		f.t.Fatal(err)
	}
	writeFile(f.t, filepath.Join(suite, "archives", "linuxptp_4.2-1_amd64.deb"), "x")
	writeFile(f.t, filepath.Join(suite, "archives", "ethtool_1%3a6.14.2-1_amd64.deb"), "x")
	writeFile(f.t, filepath.Join(suite, "archives", "lock"), "")
	writeFile(f.t, filepath.Join(suite, "offers"), "")
	return root
}

func TestRootFSBuild(t *testing.T) {
	f := newFakes(t)
	f.fakeRoot()
	image := f.rootfs()
	root, err := image.Build(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{
		"etc/hostname", "etc/resolv.conf", "usr/share/doc/ethtool/NEWS.gz", "usr/share/locale", "usr/share/man", "var/lib/dpkg", "usr/lib/dangling", "var/cache/apt",
	} {
		if _, err := os.Lstat(filepath.Join(root, gone)); err == nil {
			t.Errorf("%s is still there", gone)
		}
	}
	for _, kept := range []string{"usr/share/doc/ethtool/copyright", "usr/share/common-licenses/GPL-2", "proc", "sys", "dev", "run", "tmp", "root", "etc/openvswitch"} {
		if _, err := os.Lstat(filepath.Join(root, kept)); err != nil {
			t.Error(err)
		}
	}
	if got, err := resolveIn(root, "sbin/ovs-vswitchd"); err != nil || got != filepath.Join(root, "usr/lib/openvswitch-switch/ovs-vswitchd") {
		t.Errorf("ovs-vswitchd is %q, %v", got, err)
	}
	if got := readFile(t, filepath.Join(root, "etc/passwd")); !strings.HasPrefix(got, "root:x:0:0:") {
		t.Errorf("etc/passwd is %q", got)
	}
	checkReadOnly(t, root)
	m, err := readManifest(filepath.Dir(root))
	if err != nil {
		t.Fatal(err)
	}
	if m.Packages["linuxptp"] != "4.2-1" || m.Packages["ethtool"] != "1:6.14.2-1" || len(m.Packages) != 2 {
		t.Errorf("packages %v", m.Packages)
	}
	if left := f.halfMade(); len(left) > 0 {
		t.Errorf("left in the cache: %q", left)
	}
}

func checkReadOnly(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.Type()&os.ModeSymlink != 0 {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if info.Mode()&(0o222|os.ModeSetuid) != 0 || info.Mode()&0o400 == 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestRootFSLacksAProgram(t *testing.T) {
	f := newFakes(t)
	root := f.fakeRoot()
	for _, path := range []string{"usr/bin/ptp4l", "usr/share/misc/pci.ids", "lib64"} {
		if err := os.Remove(filepath.Join(root, path)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := f.rootfs().Build(t.Context(), nil)
	var fault *RootError
	if !errors.As(err, &fault) {
		t.Fatalf("error %v, want *RootError", err)
	}
	if want := []string{"no program ptp4l", "no usr/share/misc/pci.ids", "lib64 is not a link to usr/lib64"}; !slices.Equal(fault.Faults, want) {
		t.Errorf("faults %q, want %q", fault.Faults, want)
	}
	if left := f.halfMade(); len(left) > 0 {
		t.Errorf("left in the cache: %q", left)
	}
}

// Programs that are there but cannot be loaded are found without running them.
func TestLibraries(t *testing.T) {
	root := t.TempDir()
	program, err := exec.LookPath("ls")
	if err != nil {
		t.Fatal(err)
	}
	if err := copyFile(program, filepath.Join(root, "usr/bin/ls")); err != nil {
		t.Fatal(err)
	}
	missing, err := missingLibraries(root)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(missing, "usr/bin/ls needs the library libc.so.6") {
		t.Fatalf("missing %q, want libc.so.6 among them", missing)
	}
	if !slices.ContainsFunc(missing, func(s string) bool { return strings.Contains(s, "needs the loader /lib") }) {
		t.Errorf("missing %q, want the loader among them", missing)
	}
	for _, fault := range missing {
		name := filepath.Base(fault[strings.LastIndex(fault, " ")+1:])
		writeFile(t, filepath.Join(root, libraryDir, name), "x")
		writeFile(t, filepath.Join(root, "usr/lib64", name), "x")
	}
	for _, link := range []string{"lib", "lib64"} {
		if err := os.Symlink("usr/"+link, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	if missing, err = missingLibraries(root); err != nil || len(missing) > 0 {
		t.Errorf("still missing: %q, %v", missing, err)
	}
}

func TestUnusedLibrariesGo(t *testing.T) {
	root := t.TempDir()
	program, err := exec.LookPath("ls")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"usr/bin/ls", libraryDir + "/libc.so.6", libraryDir + "/libunused.so.1", libraryDir + "/libnss_files.so.2"} {
		if err := copyFile(program, filepath.Join(root, path)); err != nil {
			t.Fatal(err)
		}
	}
	if err := dropUnusedLibraries(root); err != nil {
		t.Fatal(err)
	}
	left, err := globIn(root, libraryDir+"/*")
	if err != nil {
		t.Fatal(err)
	}
	for i := range left {
		left[i] = filepath.Base(left[i])
	}
	if want := []string{"libc.so.6", "libnss_files.so.2"}; !slices.Equal(left, want) {
		t.Errorf("left %q, want %q", left, want)
	}
}

func TestResolveIn(t *testing.T) {
	root := t.TempDir()
	writeFile(t, filepath.Join(root, "usr/bin/real"), "x")
	for link, target := range map[string]string{
		"bin": "usr/bin", "usr/bin/abs": "/usr/bin/real", "usr/bin/rel": "../../bin/real", "usr/bin/out": "../../../../../etc/passwd",
		"usr/bin/loop": "loop", "usr/bin/host": "/proc/self/exe",
	} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	for path, ok := range map[string]bool{
		"bin/real": true, "bin/abs": true, "/bin/rel": true, "bin/out": false, "bin/loop": false, "bin/host": false, "none": false,
	} {
		got, err := resolveIn(root, path)
		if (err == nil) != ok {
			t.Errorf("%s: %q, %v; want found %t", path, got, err, ok)
		}
		if ok && got != filepath.Join(root, "usr/bin/real") {
			t.Errorf("%s: %q", path, got)
		}
	}
}
