//go:build lab

package image

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/ptplab/ptplab/lab/run"
)

// logProgress shows what a real build does.
func logProgress(t *testing.T) Progress {
	return func(e Event) {
		if e.Step == "compile" && e.Done%100 != 0 {
			return
		}
		t.Logf("%s: %s %d/%d %s", e.Image, e.Step, e.Done, e.Total, e.Note)
	}
}

// build makes the image in the user's cache, where later labs find it.
func build(t *testing.T, image Image, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	paths, err := Ensure(t.Context(), logProgress(t), image)
	if err != nil {
		t.Fatal(err)
	}
	return paths[0]
}

func TestRootFSRuns(t *testing.T) {
	image, err := RootFS(Options{})
	root := build(t, image, err)
	if os.Getuid() != 0 {
		t.Skip("only root can run programs in the new root file system")
	}
	runIn(t, root, []runs{
		{"ptp4l -v", "4.4"}, // where the mirror has what pinnedLinuxptp names
		{"phc2sys -v", "4.4"},
		{"ts2phc -v", "4.4"},
		{"pmc -v", "4.4"},
		{"ovs-vswitchd --version", "Open vSwitch) 3."},
		{"ovsdb-server --version", "Open vSwitch) 3."},
		{"ovs-vsctl --version", "Open vSwitch) 3."},
		{"ovs-ofctl --version", "Open vSwitch) 3."},
		{"ethtool --version", "ethtool version"},
		{"tcpdump --version", "libpcap"},
		{"lspci --version", "lspci version"},
		{"ip -V", "iproute2"},
		{"awk --version", "GNU Awk"},
		{"sh -c 'id -un; echo $HOME'", "root"},
		{"bash -c 'which ptp4l'", "/usr/sbin/ptp4l"},
	})
}

func TestDockerRootFSRuns(t *testing.T) {
	image, err := RootFS(Options{Docker: true})
	root := build(t, image, err)
	if os.Getuid() != 0 {
		t.Skip("only root can run programs in the new root file system")
	}
	runIn(t, root, []runs{
		{"ptp4l -v", "4.4"},
		{"dockerd --version", "Docker version"},
		{"docker --version", "Docker version"},
		{"docker-init --version", "tini"},
		{"containerd --version", "containerd"},
		{"containerd-shim-runc-v2 -v", "Version:"},
		{"runc --version", "runc version"},
		{"iptables --version", "nf_tables"},
		{"ip6tables-restore --version", "nf_tables"},
		{"iptables -m conntrack --help", "conntrack match options"},
		{"nft --version", "nftables"},
		{"conntrack --version", "conntrack"},
		{"mkfs.ext4 -V 2>&1", "EXT2FS"},
		{"grep docker /etc/group", "docker:x:102"},
	})
}

// runs is a command and what it must print.
type runs struct{ command, want string }

// runIn runs each command with root as its root directory.
func runIn(t *testing.T, root string, list []runs) {
	t.Helper()
	for _, c := range list {
		cmd := exec.Command("chroot", root, "/bin/sh", "-c", c.command)
		cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", c.command, err, out)
		} else if !strings.Contains(string(out), c.want) {
			t.Errorf("%s: printed %q, want %q in it", c.command, out, c.want)
		}
	}
}

func TestKernelRuns(t *testing.T) {
	image, err := Kernel(Options{})
	kernel := build(t, image, err)
	out, err := run.Command(t.Context(), kernel, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), ".") {
		t.Errorf("the kernel says its version is %q", out)
	}
}
