package image

import (
	"maps"
	"slices"
	"strings"
)

const (
	dockerName = rootfsSuite + "-docker"
	dockerNeed = 1000 * mib // while unpacking
)

// dockerPackages is what Docker and what runs it bring: containers, tables of packet filters, file systems for its data.
func dockerPackages() []string {
	return []string{
		"ca-certificates", "conntrack", "containerd", "docker-cli", "docker.io", "e2fsprogs", "iptables", "nftables", "runc", "tini", "xz-utils",
	}
}

// dockerPrograms must be in the image with Docker, beside those of every lab.
func dockerPrograms() []string {
	return append(iptablesNames(),
		"conntrack", "containerd", "containerd-shim-runc-v2", "ctr", "docker", "docker-init", "docker-proxy", "dockerd", "e2fsck", "mkfs.ext4",
		"nft", "resize2fs", "runc", "tini", "xz",
	)
}

// iptablesNames are the programs that Debian lets the user choose of two kinds.
func iptablesNames() []string {
	return []string{"iptables", "iptables-restore", "iptables-save", "ip6tables", "ip6tables-restore", "ip6tables-save"}
}

// dockerRemoved is what the packages with Docker bring and the lab never reads.
func dockerRemoved() []string {
	return []string{
		"usr/bin/containerd-shim", "usr/bin/containerd-shim-runc-v1", "usr/bin/containerd-stress", "usr/bin/lsattr", "usr/bin/chattr",
		"usr/bin/perl*", libraryDir + "/perl*", "usr/share/docker.io", "usr/share/perl", "usr/sbin/e2scrub*", "etc/e2scrub.conf", "etc/containerd",
		"etc/nftables.conf", "etc/ca-certificates*", "etc/cron*",
	}
}

// dockerRootFS is plainRootFS with Docker: the packet filter is nftables' both for Docker and for kind's nodes.
func dockerRootFS() flavour {
	f := plainRootFS()
	f.name, f.need = dockerName, dockerNeed
	f.packages = append(f.packages, dockerPackages()...)
	f.programs = append(f.programs, dockerPrograms()...)
	f.files = append(f.files, "etc/mke2fs.conf", libraryDir+"/xtables/libxt_conntrack.so", certificatesFile)
	f.removed = append(f.removed, dockerRemoved()...)
	f.dirs = append(f.dirs, "etc/docker", "etc/ssl/certs", "opt/containerd", "var/lib/containerd", "var/lib/docker", "var/lib/kubelet")
	f.texts = maps.Clone(f.texts)
	f.texts["etc/group"] += "docker:x:102:\n"
	f.texts["etc/nsswitch.conf"] = strings.Replace(f.texts["etc/nsswitch.conf"], "hosts: files\n", "hosts: files dns\n", 1)
	f.links = maps.Clone(f.links)
	for _, name := range iptablesNames() {
		f.links["usr/sbin/"+name] = strings.Replace(name, "tables", "tables-nft", 1)
	}
	f.makes = slices.Concat(f.makes, []makes{{path: certificatesFile, from: joinCertificates}})
	return f
}
