package image

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// docker is a root file system with Docker that is built by the fakes.
func (f *fakes) docker() Image {
	f.t.Helper()
	options, err := Options{CacheDir: f.cache, Docker: true}.withDefaults()
	if err != nil {
		f.t.Fatal(err)
	}
	return withFakeHost(newRootFS(options, pinnedLinuxptp()))
}

func TestDockerRootFS(t *testing.T) {
	f := newFakes(t)
	root := f.fakeRootOf(dockerRootFS())
	for name, text := range map[string]string{"b.crt": "second\n", "a.crt": "first\n\n"} {
		writeFile(t, filepath.Join(root, "usr/share/ca-certificates/some", name), text)
	}
	writeFile(t, filepath.Join(root, "etc/ssl/openssl.cnf"), "x")
	built, err := f.docker().Build(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := filepath.Base(filepath.Dir(built)); got != f.docker().choices[1].inputs.key()[:12]+"-trixie-docker" {
		t.Errorf("the entry is %s", got)
	}
	if got, err := os.Readlink(filepath.Join(built, "usr/sbin/ip6tables-save")); err != nil || got != "ip6tables-nft-save" {
		t.Errorf("ip6tables-save is a link to %q, %v", got, err)
	}
	if got := readFile(t, filepath.Join(built, certificatesFile)); got != "first\nsecond\n" {
		t.Errorf("the certificate authorities are %q", got)
	}
	if _, err := os.Stat(filepath.Join(built, "etc/ssl/openssl.cnf")); err == nil {
		t.Error("etc/ssl/openssl.cnf is still there")
	}
	if got := readFile(t, filepath.Join(built, "etc/group")); !strings.Contains(got, "\ndocker:x:") {
		t.Errorf("etc/group is %q, want the group docker in it", got)
	}
	if got := readFile(t, filepath.Join(built, "etc/nsswitch.conf")); !strings.Contains(got, "\nhosts: files dns\n") {
		t.Errorf("etc/nsswitch.conf is %q, want names from DNS too", got)
	}
	if _, ok := f.rootfs().Path(t.Context()); ok {
		t.Error("the root file system with Docker stands for the plain one")
	}
}

func TestDockerRootFSLacks(t *testing.T) {
	f := newFakes(t)
	root := f.fakeRootOf(dockerRootFS())
	_, err := f.docker().Build(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "ca-certificates") {
		t.Errorf("error %v, want one about the certificates", err)
	}
	writeFile(t, filepath.Join(root, "usr/share/ca-certificates/some/a.crt"), "first")
	for _, name := range []string{"usr/bin/dockerd", "usr/sbin/iptables-nft"} {
		if err := os.Remove(filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	_, err = f.docker().Build(t.Context(), nil)
	var fault *RootError
	if !errors.As(err, &fault) || !slices.Contains(fault.Faults, "no program dockerd") || !slices.Contains(fault.Faults, "no program iptables") {
		t.Errorf("error %v, want the programs that are not there", err)
	}
}

// The plain root file system has nothing of Docker, and the other has all of the plain one.
func TestFlavours(t *testing.T) {
	plain, docker := plainRootFS(), dockerRootFS()
	if plain.inputs().key() == docker.inputs().key() {
		t.Error("both have one key")
	}
	for _, one := range plain.packages {
		if !slices.Contains(docker.packages, one) {
			t.Errorf("Docker's has no package %s", one)
		}
	}
	if slices.Contains(plain.packages, "docker.io") || strings.Contains(plain.texts["etc/group"], "docker") || plain.links["usr/sbin/iptables"] != "" {
		t.Error("the plain root file system has something of Docker")
	}
	for _, fl := range []flavour{plain, docker} {
		for _, pattern := range fl.removed {
			for _, program := range fl.programs {
				for _, dir := range []string{"usr/bin", "usr/sbin"} {
					if ok, err := path.Match(pattern, dir+"/"+program); err != nil || ok {
						t.Errorf("%s: %s removes %s/%s (%v)", fl.name, pattern, dir, program, err)
					}
				}
			}
		}
	}
}
