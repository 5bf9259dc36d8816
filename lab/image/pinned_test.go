package image

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strings"
	"testing"
)

// newPinned lays a small package into the fake mirror's pool and returns its pin.
func (f *fakes) newPinned() pinnedPackage {
	f.t.Helper()
	const content = "#!/bin/sh\necho pinned\n"
	f.write("pool/linuxptp_9.9-1_amd64.deb", content)
	sum := sha256.Sum256([]byte(content))
	return pinnedPackage{Name: "linuxptp", Version: "9.9-1", Path: "pool/main/l/linuxptp/linuxptp_9.9-1_amd64.deb", SHA256: hex.EncodeToString(sum[:])}
}

func TestPinnedPackage(t *testing.T) {
	f := newFakes(t)
	f.fakeRoot()
	root, err := f.rootfsWith(f.newPinned()).Build(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, filepath.Join(root, "usr/sbin/ptp4l")); !strings.Contains(got, "pinned") {
		t.Errorf("ptp4l is %q, not that of the pinned package", got)
	}
	m, err := readManifest(filepath.Dir(root))
	if err != nil {
		t.Fatal(err)
	}
	if m.Name != "trixie-linuxptp-9.9" || m.Packages["linuxptp"] != "9.9-1" || m.Packages["ethtool"] != "1:6.14.2-1" || m.Why != "" {
		t.Errorf("manifest %+v", m)
	}
	if n := f.calls("apt-helper download-file http://mirror.example/debian/pool/main/l/linuxptp/linuxptp_9.9-1_amd64.deb"); n != 1 {
		t.Errorf("the package was fetched %d times, want 1", n)
	}
	if left := f.halfMade(); len(left) > 0 {
		t.Errorf("left in the cache: %q", left)
	}
}

// A mirror that has the suite and no longer the package gives the suite's own; a later build does not ask again, and one
// with another pin does.
func TestPinnedPackageGone(t *testing.T) {
	f := newFakes(t)
	f.fakeRoot()
	gone := pinnedPackage{Name: "linuxptp", Version: "9.8-1", Path: "pool/linuxptp_9.8-1_amd64.deb", SHA256: strings.Repeat("0", 64)}
	for range 2 {
		root, err := f.rootfsWith(gone).Build(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		m, err := readManifest(filepath.Dir(root))
		if err != nil {
			t.Fatal(err)
		}
		if m.Name != "trixie" || m.Packages["linuxptp"] != "4.2-1" || m.Why != "the mirror no longer has linuxptp 9.8-1" {
			t.Errorf("manifest %+v", m)
		}
	}
	if n := f.calls("apt-helper"); n != 2 {
		t.Errorf("asked %d mirrors, want each of 2 once", n)
	}
	if _, ok := f.rootfsWith(f.newPinned()).Path(t.Context()); ok {
		t.Error("an image without the package stands for one with a package that was never asked for")
	}
}

func TestPinnedPackageFaults(t *testing.T) {
	for _, c := range []struct{ name, fault, content, want string }{
		{name: "network", fault: "Could not connect to mirror.example:80 (192.0.2.1). - connect (111: Connection refused)", want: "Could not connect"},
		{name: "hash of apt", fault: "Hash Sum mismatch", want: "Hash Sum mismatch"},
		{name: "hash", content: "another", want: "SHA-256 ae448ac8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFakes(t)
			f.fakeRoot()
			pinned := f.newPinned()
			if c.content != "" {
				f.write("pool/linuxptp_9.9-1_amd64.deb", c.content)
			} else {
				pinned.Path = "pool/none.deb"
				f.write("pool-fault", c.fault+"\n")
			}
			_, err := f.rootfsWith(pinned).Build(t.Context(), nil)
			if err == nil || !strings.Contains(err.Error(), "package linuxptp 9.9-1: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
			if left := f.halfMade(); len(left) > 0 {
				t.Errorf("left in the cache: %q", left)
			}
		})
	}
}
