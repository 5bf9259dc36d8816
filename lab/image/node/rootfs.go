package node

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Suite is the Debian release of the node: its containerd, runc and CNI plugins are what kind needs.
const Suite = "trixie"

// libraryDir is where Debian has libraries.
const libraryDir = "usr/lib/x86_64-linux-gnu"

//go:embed files
var files embed.FS

// Packages is what the node has of Debian; apt adds what they depend on.
func Packages() []string {
	return []string{
		"base-files", "base-passwd", "bash", "ca-certificates", "conntrack", "containerd", "containernetworking-plugins", "coreutils", "dash",
		"diffutils", "dpkg", "ethtool", "findutils", "gawk", "grep", "gzip", "hostname", "iproute2", "iptables", "iputils-ping", "kmod", "less",
		"libc-bin", "libseccomp2", "mount", "ncurses-base", "nftables", "pciutils", "procps", "runc", "sed", "systemd", "systemd-sysv", "tar",
		"tcpdump", "util-linux",
	}
}

// ExtraPackage is of Debian too, but only its program PrometheusProgram is taken, and nothing that it depends on.
const ExtraPackage = "prometheus"

// RequiredPrograms must be in the node, wherever its PATH finds them. The second half is what kind's entry point calls.
func RequiredPrograms() []string {
	return []string{
		"containerd", "containerd-shim-runc-v2", "ctr", "ethtool", "ip", "iptables", "ip6tables", "lspci", "modprobe", "nft", "ping", "ps", "runc", "ss", "tcpdump",
		"awk", "bash", "cat", "cp", "cut", "findmnt", "getent", "grep", "head", "hostname", "iptables-legacy-save", "iptables-nft-save", "iptables-restore",
		"iptables-save", "mkdir", "mount", "rm", "rmdir", "sed", "sh", "stat", "sync", "systemctl", "systemd-machine-id-setup", "timeout", "umount",
		"update-alternatives",
	}
}

// ToolPrograms are the programs of the components' images.
func ToolPrograms() []string {
	return []string{
		"bash", "cat", "conntrack", "cp", "env", "grep", "head", "ip", "ip6tables-nft", "ip6tables-nft-restore", "ip6tables-nft-save", "iptables-nft",
		"iptables-nft-restore", "iptables-nft-save", "ls", "mount", "nft", "ps", "sh", "sleep", "ss", "tail", "tcpdump",
	}
}

// ToolLinks are links of the components' images, by path. There is one way to iptables: the tables of both nodes and pods
// are nftables'.
func ToolLinks() map[string]string {
	links := map[string]string{"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}
	for _, name := range iptablesNames() {
		links["usr/sbin/"+name] = strings.Replace(name, "tables", "tables-nft", 1)
	}
	return links
}

// ToolDirs are folders of the components' images: mount points, and where programs keep state.
func ToolDirs() []string {
	return []string{"dev", "etc", "proc", "root", "run", "sys", "tmp", "usr/local/bin", "var"}
}

// ToolPlugins is the folder with what iptables loads by name.
const ToolPlugins = libraryDir + "/xtables"

func iptablesNames() []string {
	return []string{"iptables", "iptables-restore", "iptables-save", "ip6tables", "ip6tables-restore", "ip6tables-save"}
}

// Removed is what the packages bring and a node never reads, as patterns below the root.
func Removed() []string {
	return []string{
		"boot", "dev/*", "home", "media", "srv", "usr/games", "usr/include", "usr/local/*", "usr/src",
		"usr/share/bash-completion", "usr/share/bug", "usr/share/common-licenses/[^GL]*", "usr/share/debconf", "usr/share/doc-base",
		"usr/share/fish", "usr/share/gdb", "usr/share/info", "usr/share/lintian", "usr/share/locale", "usr/share/man", "usr/share/menu",
		"usr/share/perl5", "usr/share/polkit-1", "usr/share/zsh", "usr/share/pam*", "usr/share/initramfs-tools", "usr/share/readline",
		libraryDir + "/gconv", libraryDir + "/engines-3", libraryDir + "/perl-base", libraryDir + "/perl*",
		"usr/bin/containerd-shim", "usr/bin/containerd-shim-runc-v1", "usr/bin/containerd-stress", "usr/bin/perl*", "usr/lib/udev/hwdb.d",
		"usr/bin/openssl", "usr/bin/c_rehash", "usr/bin/localedef", "usr/lib/dpkg", "usr/lib/apt", "usr/lib/bfd-plugins",
		"etc/apt", "etc/binfmt.d", "etc/hostname", "etc/resolv.conf", "etc/machine-id", "etc/containerd", "etc/cni", "etc/init.d", "etc/rc?.d",
		"etc/update-motd.d", "var/backups", "var/cache/*", "var/lib/apt", "var/lib/dpkg/*", "var/log/*", "var/mail", "var/spool", "var/lib/pam",
		// What kind's base image takes away, because it is in the host's hands or of no use in a container.
		"usr/lib/systemd/system/multi-user.target.wants/*", "usr/lib/systemd/system/local-fs.target.wants/*",
		"usr/lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service", "usr/lib/systemd/system/basic.target.wants/*",
		"usr/lib/systemd/system/sockets.target.wants/*udev*", "usr/lib/systemd/system/sockets.target.wants/*initctl*",
		// What would only take time: users and caches are made when the image is, and there is no hardware.
		"usr/lib/systemd/system/sysinit.target.wants/ldconfig.service", "usr/lib/systemd/system/sysinit.target.wants/systemd-firstboot.service",
		"usr/lib/systemd/system/sysinit.target.wants/systemd-journal-catalog-update.service",
		"usr/lib/systemd/system/sysinit.target.wants/systemd-sysusers.service", "usr/lib/systemd/system/sysinit.target.wants/systemd-update-done.service",
		"usr/lib/systemd/system/sysinit.target.wants/systemd-hibernate-clear.service", "usr/lib/systemd/system/sysinit.target.wants/systemd-pcr*",
		"usr/lib/systemd/system/sysinit.target.wants/systemd-tpm2*", "usr/lib/systemd/system/sockets.target.wants/systemd-pcr*",
		"usr/lib/systemd/system/sysinit.target.wants/*binfmt*", "usr/lib/systemd/system/timers.target.wants/*",
		"usr/lib/systemd/system/sysinit.target.wants/systemd-udev*", "usr/lib/systemd/system/sysinit.target.wants/systemd-hwdb*",
		"usr/lib/systemd/system/sysinit.target.wants/systemd-journal-flush.service", "usr/lib/systemd/system/sysinit.target.wants/systemd-random-seed.service",
		"usr/lib/systemd/system/sysinit.target.wants/systemd-modules-load.service", "usr/lib/systemd/system/sysinit.target.wants/systemd-machine-id-commit.service",
		"usr/lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup-dev*", "usr/lib/systemd/system/sysinit.target.wants/systemd-ask-password*",
		"usr/lib/systemd/system/sysinit.target.wants/kmod-static-nodes.service", "usr/lib/systemd/system/sysinit.target.wants/dev-hugepages.mount",
		"usr/lib/systemd/system/sysinit.target.wants/sys-fs-fuse-connections.mount", "usr/lib/systemd/system/sysinit.target.wants/sys-kernel-*.mount",
		"usr/lib/systemd/system/sockets.target.wants/systemd-creds.socket", "usr/lib/systemd/system/sockets.target.wants/systemd-hostnamed.socket",
		"usr/lib/systemd/system/sockets.target.wants/systemd-sysext.socket", "usr/lib/systemd/system-generators/*",
		// Network plugins that nothing configures: podnet wants ptp, host-local and portmap.
		"usr/lib/cni/bandwidth", "usr/lib/cni/dhcp", "usr/lib/cni/dummy", "usr/lib/cni/firewall", "usr/lib/cni/host-device", "usr/lib/cni/ipvlan",
		"usr/lib/cni/macvlan", "usr/lib/cni/sbr", "usr/lib/cni/static", "usr/lib/cni/tap", "usr/lib/cni/tuning", "usr/lib/cni/vlan", "usr/lib/cni/vrf",
	}
}

// Dirs are folders that must be there: mount points, and where programs keep state.
func Dirs() []string {
	return []string{
		"dev", "etc/cni/net.d", "etc/containerd", "etc/kubernetes/manifests", "kind/manifests", "lib/modules", "mnt", "opt/cni", "proc", "root", "run", "sys", "tmp",
		"var/lib/containerd", "var/lib/kubelet", "var/log", "var/tmp",
		path.Join(LayersDir, LayerLabRoot), path.Join(LayersDir, LayerPtplab),
	}
}

// Texts are the files that kind's base image, or package scripts, would have made, by path. They come over what Debian and
// kind bring.
func Texts(v Versions) (map[string]string, error) {
	texts := map[string]string{
		"kind/version":      v.Kubernetes,
		"etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\n",
		"etc/hosts":         "127.0.0.1 localhost\n::1 localhost\n",
		"etc/systemd/journald.conf.d/10-ptplab.conf": "[Journal]\nReadKMsg=no\nStorage=volatile\nRuntimeMaxUse=16M\nAudit=no\nForwardToSyslog=no\n",
		"etc/machine-id": "",
	}
	for _, name := range []string{"iptables", "ip6tables"} {
		texts["var/lib/dpkg/alternatives/"+name] = alternatives(name)
	}
	err := fs.WalkDir(files, "files", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, name)
		texts[strings.TrimPrefix(name, "files/")] = strings.ReplaceAll(string(text), "@PODNET_IMAGE@", PodnetImage(v))
		return err
	})
	return texts, err
}

// alternatives is the file in which update-alternatives keeps that iptables is one of two programs: kind's entry point
// chooses the one that the host uses.
func alternatives(name string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "auto\n/usr/sbin/%s\n", name)
	followers := []string{name + "-restore", name + "-save"}
	for _, follower := range followers {
		fmt.Fprintf(&text, "%s\n/usr/sbin/%s\n", follower, follower)
	}
	text.WriteString("\n")
	for _, way := range []struct{ name, priority string }{{"legacy", "10"}, {"nft", "20"}} {
		program := func(n string) string { return "/usr/sbin/" + strings.Replace(n, "tables", "tables-"+way.name, 1) }
		fmt.Fprintf(&text, "%s\n%s\n", program(name), way.priority)
		for _, follower := range followers {
			fmt.Fprintln(&text, program(follower))
		}
	}
	text.WriteString("\n")
	return text.String()
}

// Links are the links that package scripts, kind's base image or kind's build would have made, by path.
func Links() map[string]string {
	links := map[string]string{
		"usr/bin/awk":              "gawk",
		"usr/bin/which":            "which.debianutils",
		"etc/mtab":                 "/proc/self/mounts",
		"var/run":                  "/run",
		"var/lock":                 "/run/lock",
		"opt/cni/bin":              "/usr/lib/cni",
		"usr/local/bin/containerd": "/usr/bin/containerd", // where kind's unit starts it
		"etc/systemd/system/systemd-binfmt.service": "/dev/null",
		"etc/systemd/system/default.target":         "/usr/lib/systemd/system/multi-user.target",
		"etc/systemd/system/getty.target":           "/dev/null",
		"etc/systemd/system/systemd-udevd.service":  "/dev/null",
	}
	for _, unit := range []string{"containerd", "kubelet", "undo-mount-hacks"} {
		links["etc/systemd/system/multi-user.target.wants/"+unit+".service"] = "/etc/systemd/system/" + unit + ".service"
	}
	for _, name := range iptablesNames() {
		links["usr/sbin/"+name] = "/etc/alternatives/" + name
		links["etc/alternatives/"+name] = "/usr/sbin/" + strings.Replace(name, "tables", "tables-nft", 1)
	}
	for _, program := range Programs() {
		if program != "coredns" && program != "podnet" && program != "etcd" && (!strings.HasPrefix(program, "kube-")) {
			links["usr/bin/"+program] = path.Join("/", LayersDir, LayerPrograms, "usr/local/bin/kubernetes")
		}
	}
	return links
}

// BaseFiles are the parts of kind's base image that the node takes, folders below images/base/files of kind's module.
func BaseFiles() []string {
	return []string{
		"etc/default/kubelet", "etc/systemd/system/kubelet.service", "etc/systemd/system/kubelet.service.d/10-kubeadm.conf",
		"etc/systemd/system/kubelet.service.d/11-kind.conf", "etc/systemd/system/kubelet.slice", "etc/systemd/system/containerd.service",
		"etc/systemd/system/undo-mount-hacks.service", "etc/sysctl.d/10-network-magic.conf", "etc/sysctl.d/10-network-security.conf",
		"kind/bin/create-kubelet-cgroup-v2.sh", "kind/bin/undo-mount-hacks.sh", "usr/local/bin/entrypoint",
	}
}

// Executable reports whether a file of kind's base image is a program; its module does not keep that.
func Executable(file string) bool {
	return strings.HasPrefix(file, "usr/local/bin/") || strings.HasPrefix(file, "kind/bin/")
}

// Inputs is everything here that decides the node image, by name.
func Inputs() (map[string]string, error) {
	v, err := ReadVersions()
	if err != nil {
		return nil, err
	}
	texts, err := Texts(v)
	if err != nil {
		return nil, err
	}
	in := map[string]string{
		"suite": Suite, "packages": strings.Join(Packages(), " "), "removed": strings.Join(Removed(), " "), "folders": strings.Join(Dirs(), " "),
		"tools": strings.Join(ToolPrograms(), " "), "base files": strings.Join(BaseFiles(), " "), "kind": v.Kind,
		"tool folders": strings.Join(ToolDirs(), " "), "config": fmt.Sprintf("%+v", NodeConfig()),
		"agent": fmt.Sprintf("%+v", Agent()), "extra package": ExtraPackage,
		"prometheus": fmt.Sprintf("%+v", Prometheus("1", Layer{}, Layer{})),
	}
	for name, text := range texts {
		in["file "+name] = text
	}
	in["users"] = Users()["passwd"] + Users()["group"]
	for _, links := range []map[string]string{Links(), ToolLinks()} {
		for _, name := range slices.Sorted(maps.Keys(links)) {
			in["link "+name] += links[name] + "\n"
		}
	}
	return in, nil
}

// Users are what the files passwd and group have beside Debian's own.
func Users() map[string]string {
	return map[string]string{
		"passwd": "systemd-network:x:998:998:systemd Network Management:/:/usr/sbin/nologin\ntcpdump:x:101:101::/nonexistent:/usr/sbin/nologin\n",
		"group":  "systemd-journal:x:999:\nsystemd-network:x:998:\ntcpdump:x:101:\n",
	}
}
