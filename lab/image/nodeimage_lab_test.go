//go:build lab

package image

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/ptplab/ptplab/lab/image/node"
)

// The first run compiles Kubernetes: 10 minutes of one CPU.
func TestNodeRuns(t *testing.T) {
	image, err := Node(Options{})
	archive := build(t, image, err)
	described, err := ReadNode(archive)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 {
		t.Skip("only root can run programs in the node's file system")
	}
	root := unpackNode(t, archive)
	for _, c := range []struct{ command, want string }{
		{"kubelet --version", "Kubernetes " + described.Kubernetes},
		{"kubeadm version -o short", described.Kubernetes},
		{"kubectl version --client", "Client Version: " + described.Kubernetes},
		{"containerd --version", "containerd"},
		{"runc --version", "runc version"},
		{"ctr --version", "ctr"},
		{"systemctl --version", "systemd 25"},
		{"update-alternatives --set iptables /usr/sbin/iptables-legacy; iptables --version", "legacy"},
		{"update-alternatives --set iptables /usr/sbin/iptables-nft; iptables --version", "nf_tables"},
		{"ls -l /opt/cni/bin/", "host-local"},
		{"getent passwd systemd-network", "998"},
		{"chroot /" + node.LayersDir + "/tools iptables --version", "nf_tables"},
		{"chroot /" + node.LayersDir + "/tools bash -c 'ip -V; nft --version'", "iproute2"},
		{"chroot /" + node.LayersDir + "/kubernetes /usr/local/bin/etcd --version", "etcd Version: 3."},
		{"chroot /" + node.LayersDir + "/kubernetes /usr/local/bin/coredns -version", "CoreDNS-1."},
		{"chroot /" + node.LayersDir + "/kubernetes /usr/local/bin/kube-apiserver --version", described.Kubernetes},
		{"cp -a /" + node.LayersDir + "/tools/. /tmp/p && cp " + node.LayerPath(node.LayerPrometheus) + "/usr/bin/prometheus /tmp/p/usr/bin/ && chroot /tmp/p prometheus --version", "prometheus, version 2."},
		{"bash -n /usr/local/bin/entrypoint && echo whole", "whole"},
	} {
		cmd := exec.Command("chroot", root, "/bin/sh", "-c", c.command)
		cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", c.command, err, out)
		} else if !strings.Contains(string(out), c.want) {
			t.Errorf("%s: printed %q, want %q in it", c.command, out, c.want)
		}
	}
	checkSnapshots(t, root)
}

// checkSnapshots looks that every snapshot of containerd leads to files, and that tools take no space twice.
func checkSnapshots(t *testing.T, root string) {
	t.Helper()
	links, err := globIn(root, "var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/*/fs")
	if err != nil {
		t.Fatal(err)
	}
	if len(links) != 6 { // tools, tools with programs, tools with Prometheus, pause, the lab's root, that with ptplab
		t.Errorf("%d snapshots, want 6", len(links))
	}
	mountPoints := map[string]bool{node.LayerPath(node.LayerLabRoot): true, node.LayerPath(node.LayerPtplab): true}
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil {
			t.Error(err)
			continue
		}
		if entries, err := os.ReadDir(filepath.Join(root, target)); err != nil || (len(entries) == 0) != mountPoints[target] {
			t.Errorf("%s leads to %d files: %v", link, len(entries), err)
		}
	}
	ours, err := os.Stat(filepath.Join(root, "usr/bin/bash"))
	if err != nil {
		t.Fatal(err)
	}
	tools, err := os.Stat(filepath.Join(root, node.LayersDir, node.LayerTools, "usr/bin/bash"))
	if err != nil || !os.SameFile(ours, tools) {
		t.Errorf("bash of the tools is another file than the node's: %v", err)
	}
}

// unpackNode makes the file system of the image.
func unpackNode(t *testing.T, archive string) string {
	t.Helper()
	image, err := tarball.ImageFromPath(archive, nil)
	if err != nil {
		t.Fatal(err)
	}
	files := mutate.Extract(image)
	defer files.Close()
	root := t.TempDir()
	for r := tar.NewReader(files); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return root
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := unpackHeader(filepath.Join(root, header.Name), root, header, r); err != nil {
			t.Fatal(err)
		}
	}
}

func unpackHeader(path, root string, header *tar.Header, content io.Reader) error {
	mode := header.FileInfo().Mode()
	switch header.Typeflag {
	case tar.TypeDir:
		return os.Mkdir(path, mode.Perm()|0o700)
	case tar.TypeSymlink:
		return os.Symlink(header.Linkname, path)
	case tar.TypeLink:
		return os.Link(filepath.Join(root, header.Linkname), path)
	}
	return writeFrom(content, path, mode.Perm())
}

// The modules have tests of their own, which the main module's do not see.
func TestModulesTest(t *testing.T) {
	dir := t.TempDir()
	if err := node.WriteModules(dir); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "test", "./podnet")
	cmd.Dir = filepath.Join(dir, "programs")
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly -trimpath", "GOWORK=off", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
