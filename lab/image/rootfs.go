package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	rootfsRecipe = "1"       // raise it when the way of building changes what comes out
	rootfsSuite  = "trixie"  // Debian 13: Open vSwitch 3.5, and linuxptp 4.2 where the mirror does not have the pinned one
	rootfsNeed   = 400 * mib // while unpacking
	rootfsRoot   = "root"    // the payload
	libraryDir   = "usr/lib/x86_64-linux-gnu"
)

// rootfsPackages is what the lab needs inside; apt adds what they depend on.
func rootfsPackages() []string {
	return []string{
		"base-files", "bash", "coreutils", "dash", "diffutils", "ethtool", "findutils", "gawk", "grep", "iproute2", "kmod", "less",
		"libnettle8t64", "linuxptp", "mount", "ncurses-base", "openvswitch-common", "openvswitch-switch", "pciutils", "procps", "sed", "tcpdump", "util-linux",
	}
}

// rootfsPrograms must be in the image, wherever its PATH finds them.
func rootfsPrograms() []string {
	return []string{
		"awk", "bash", "bridge", "cat", "ethtool", "find", "grep", "hwstamp_ctl", "ip", "less", "lspci", "mount", "nsenter",
		"ovs-appctl", "ovs-dpctl", "ovs-ofctl", "ovs-vsctl", "ovs-vswitchd", "ovsdb-client", "ovsdb-server", "ovsdb-tool",
		"phc2sys", "phc_ctl", "pmc", "ps", "ptp4l", "sed", "setpriv", "sh", "sysctl", "taskset", "tc", "tcpdump", "top",
		"ts2phc", "umount", "unshare",
	}
}

// rootfsFiles are other files that must be in the image.
func rootfsFiles() []string {
	return []string{"usr/share/openvswitch/vswitch.ovsschema", "usr/share/misc/pci.ids", "usr/lib64/ld-linux-x86-64.so.2"}
}

// rootfsRemoved is what the packages bring and the lab never reads, as patterns below the root.
func rootfsRemoved() []string {
	return []string{
		"boot", "home", "media", "opt", "srv", "usr/games", "usr/include", "usr/local/*", "usr/src",
		"usr/share/bash-completion", "usr/share/bug", "usr/share/common-licenses/[^GL]*", "usr/share/debconf", "usr/share/doc-base",
		"usr/share/fish", "usr/share/gdb", "usr/share/info", "usr/share/lintian", "usr/share/locale", "usr/share/man",
		"usr/share/menu", "usr/share/perl5", "usr/share/polkit-1", "usr/share/dbus-1", "usr/share/zsh", "usr/share/pam*", "usr/share/apport",
		"usr/share/adduser", "usr/share/initramfs-tools", "usr/share/openvswitch/bugtool-plugins",
		"usr/lib/systemd", "usr/lib/tmpfiles.d", "usr/lib/sysusers.d", "usr/lib/pcrlock.d", "usr/lib/udev", "usr/lib/kernel", "usr/lib/init", "usr/lib/environment.d",
		libraryDir + "/systemd", libraryDir + "/gconv", libraryDir + "/security", libraryDir + "/audit",
		libraryDir + "/engines-3", libraryDir + "/ossl-modules",
		"usr/bin/systemd*", "usr/bin/*ctl.systemd", "usr/bin/busctl", "usr/bin/hostnamectl", "usr/bin/journalctl", "usr/bin/localectl",
		"usr/bin/loginctl", "usr/bin/networkctl", "usr/bin/systemctl", "usr/bin/timedatectl", "usr/bin/userdbctl", "usr/bin/varlinkctl",
		"usr/bin/kernel-install", "usr/bin/run0", "usr/bin/openssl", "usr/bin/c_rehash", "usr/bin/debconf*", "usr/bin/deb-systemd*",
		"usr/bin/bashbug", "usr/bin/gawkbug", "usr/bin/ovs-pki", "usr/bin/ovs-docker",
		"usr/bin/chage", "usr/bin/chfn", "usr/bin/chsh", "usr/bin/expiry", "usr/bin/gpasswd", "usr/bin/passwd", "usr/bin/su", "usr/bin/uuid*",
		"usr/sbin/adduser", "usr/sbin/addgroup", "usr/sbin/deluser", "usr/sbin/delgroup", "usr/sbin/*-shell", "usr/sbin/update-*",
		"usr/sbin/chgpasswd", "usr/sbin/chpasswd", "usr/sbin/group*", "usr/sbin/grp*", "usr/sbin/newusers", "usr/sbin/pw*",
		"usr/sbin/shadowconfig", "usr/sbin/user*", "usr/sbin/vi[gp]*", "usr/sbin/pam*", "usr/sbin/mkhomedir_helper", "usr/sbin/unix_*",
		"usr/sbin/faillock", "usr/sbin/dpkg-*", "usr/sbin/deb*", "usr/sbin/invoke-rc.d", "usr/sbin/service", "usr/sbin/uuidd",
		"usr/sbin/runuser", "usr/sbin/sulogin", "usr/sbin/agetty", "usr/sbin/getty", "usr/sbin/ovs-bugtool",
		"etc/adduser.conf", "etc/apt", "etc/binfmt.d", "etc/credstore*", "etc/debconf.conf", "etc/default", "etc/deluser.conf", "etc/dpkg",
		"etc/fstab", "etc/hostname", "etc/init.d", "etc/kernel", "etc/logrotate.d", "etc/machine-id", "etc/modules-load.d", "etc/network",
		"etc/pam*", "etc/rc?.d", "etc/resolv.conf", "etc/security", "etc/ssh", "etc/ssl", "etc/systemd", "etc/tmpfiles.d", "etc/udev",
		"etc/update-motd.d", "etc/xdg", "etc/profile.d/*systemd*",
		"var/backups", "var/cache/*", "var/lib/apt", "var/lib/dpkg", "var/lib/pam", "var/lib/systemd", "var/local", "var/mail", "var/opt",
		"var/spool", "var/log/*",
	}
}

// rootfsDirs are folders that must be there: mount points, and where programs keep state.
func rootfsDirs() []string {
	return []string{
		"dev", "etc/openvswitch", "mnt", "proc", "root", "run", "sys", "tmp", "var/lib/openvswitch", "var/log/openvswitch", "var/tmp",
	}
}

// rootfsTexts are the files that package scripts would have made, by path.
func rootfsTexts() map[string]string {
	return map[string]string{
		"etc/passwd":        "root:x:0:0:root:/root:/bin/bash\ntcpdump:x:101:101::/nonexistent:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
		"etc/group":         "root:x:0:\ntcpdump:x:101:\nnogroup:x:65534:\n",
		"etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\nethers: files\n",
		"etc/hosts":         "127.0.0.1 localhost\n::1 localhost\n",
	}
}

// rootfsLinks are the links that package scripts would have made, by path.
func rootfsLinks() map[string]string {
	return map[string]string{
		"usr/sbin/ovs-vswitchd": "../lib/openvswitch-switch/ovs-vswitchd",
		"usr/bin/awk":           "gawk",
		"usr/bin/which":         "which.debianutils",
		"etc/mtab":              "/proc/self/mounts",
		"var/run":               "/run",
		"var/lock":              "/run/lock",
	}
}

// flavour is what one root file system has and another has not.
type flavour struct {
	name     string // "trixie"
	need     uint64 // bytes, while unpacking
	packages []string
	programs []string
	files    []string // that must be there beside the programs
	removed  []string
	dirs     []string
	texts    map[string]string
	links    map[string]string
	makes    []makes
}

// makes is a file that a package script would have put together from files of the image.
type makes struct {
	path string
	from func(root string) (string, error)
}

// plainRootFS is the root file system of a lab without Docker.
func plainRootFS() flavour {
	return flavour{
		name: rootfsSuite, need: rootfsNeed,
		packages: rootfsPackages(), programs: rootfsPrograms(), files: rootfsFiles(), removed: rootfsRemoved(), dirs: rootfsDirs(),
		texts: rootfsTexts(), links: rootfsLinks(),
	}
}

// flavour is the one that the options want.
func (o Options) flavour() flavour {
	if o.Docker {
		return dockerRootFS()
	}
	return plainRootFS()
}

// pinnedName is the name of the flavour with a pinned package: "trixie-linuxptp-4.4".
func (f flavour) pinnedName(pinned pinnedPackage) string {
	version, _, _ := strings.Cut(pinned.Version, "-")
	return f.name + "-" + pinned.Name + "-" + version
}

// inputs is everything that decides the flavour but the pinned package.
func (f flavour) inputs() inputs {
	in := inputs{
		"recipe":   rootfsRecipe,
		"arch":     "amd64",
		"suite":    rootfsSuite,
		"packages": strings.Join(f.packages, " "),
		"removed":  strings.Join(f.removed, " "),
		"folders":  strings.Join(f.dirs, " "),
	}
	for path, text := range f.texts {
		in["file "+path] = text
	}
	for path, target := range f.links {
		in["link "+path] = target
	}
	for _, made := range f.makes {
		in["made "+made.path] = "1"
	}
	return in
}

// choices is the flavour with the pinned package, and the flavour alone.
func (f flavour) choices(pinned pinnedPackage) []choice {
	with := f.inputs()
	pinned.addTo(with)
	without := f.inputs()
	pinned.addTo(without)
	without["without"] = pinned.Name
	return []choice{{name: f.pinnedName(pinned), inputs: with}, {name: f.name, inputs: without}}
}

// RootFS is the lab's root file system: a folder, owned by the user, that the lab kernel mounts read-only through
// hostfs below a layer of its own. Its path is that of the folder. With Options.Docker it is another one, which has all
// of the first and Docker.
//
// It has the pinned linuxptp, and only if the mirror does not have that one the suite's own. As with kernels, the key of the
// second choice contains the inputs of the first.
func RootFS(options Options) (Image, error) {
	options, err := options.withDefaults()
	if err != nil {
		return Image{}, err
	}
	return newRootFS(options, pinnedLinuxptp()), nil
}

func newRootFS(options Options, pinned pinnedPackage) Image {
	builder := rootfsBuilder{options: options, flavour: options.flavour(), pinned: pinned}
	return Image{
		kind: KindRootFS, payload: rootfsRoot, options: options, need: builder.flavour.need,
		choices: builder.flavour.choices(pinned),
		recipe:  builder.build,
		missing: Missing,
	}
}

// rootfsBuilder is how the root file system is built.
type rootfsBuilder struct {
	options Options
	flavour flavour
	pinned  pinnedPackage
}

// build is the recipe.
func (r rootfsBuilder) build(ctx context.Context, w *work) (Manifest, error) {
	w.progress.step("fetch packages", "from Debian suite %s", rootfsSuite)
	root := filepath.Join(w.dir, rootfsRoot)
	scratch := filepath.Join(w.dir, "scratch")
	if err := os.Mkdir(scratch, 0o700); err != nil {
		return Manifest{}, err
	}
	apt := archive{mirror: r.options.Mirror, work: w}
	manifest, err := r.unpack(ctx, apt, root, scratch)
	if err := errors.Join(err, removeAll(scratch)); err != nil {
		return Manifest{}, err
	}
	w.progress.step("trim", "")
	if err := r.flavour.trim(root); err != nil {
		return Manifest{}, fmt.Errorf("trim: %w", err)
	}
	if err := r.flavour.furnish(root); err != nil {
		return Manifest{}, fmt.Errorf("furnish: %w", err)
	}
	w.progress.step("check", "")
	if err := r.flavour.check(root); err != nil {
		return Manifest{}, err
	}
	return manifest, nil
}

// unpack fills root with the suite's packages and lays the pinned one over them.
func (r rootfsBuilder) unpack(ctx context.Context, apt archive, root, scratch string) (Manifest, error) {
	pinned := r.pinned
	versions, err := apt.unpack(ctx, rootfsSuite, root, scratch, r.flavour.packages, pinned.environment())
	if err != nil {
		return Manifest{}, err
	}
	deb, why, err := pinned.fetched(scratch)
	if err != nil {
		return Manifest{}, err
	}
	if deb == "" {
		apt.work.progress.step("fetch packages", "%s", why)
		return Manifest{Name: r.flavour.name, Packages: versions, Why: why}, nil
	}
	if err := unpackDeb(ctx, apt.work, deb, root); err != nil {
		return Manifest{}, err
	}
	versions[pinned.Name] = pinned.Version
	return Manifest{Name: r.flavour.pinnedName(pinned), Packages: versions}, nil
}
