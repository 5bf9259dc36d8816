package image

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/ptplab/ptplab/lab/run"
)

// archive is the Debian package archive, reached through mmdebstrap, which brings its own apt configuration, needs no
// root and works on Ubuntu too.
type archive struct {
	mirror string // URL; empty: mmdebstrap's own default
	work   *work
}

// checkMirror accepts what apt takes as an address of an archive.
func checkMirror(mirror string) error {
	u, err := url.Parse(mirror)
	if err != nil || strings.ContainsAny(mirror, " \t\n'\"[]") {
		return fmt.Errorf("mirror %q is not a URL", mirror)
	}
	switch {
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
	case (u.Scheme == "file" || u.Scheme == "copy") && u.Path != "":
	default:
		return fmt.Errorf("mirror %q: want http://, https:// or file://", mirror)
	}
	return nil
}

// sourceHook runs inside mmdebstrap, with apt set up for one suite. It writes which kernel sources the suite offers and
// downloads the wanted one if it is among them.
const sourceHook = `#!/bin/sh
set -eu
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
cd "$PTPLAB_OUT"
apt-cache search --names-only '^linux-source-[0-9]' >offers
if grep -q "^$PTPLAB_PACKAGE " offers; then
	apt-get download "$PTPLAB_PACKAGE"
fi
`

// listHook runs inside mmdebstrap after the packages are unpacked, writes their file names, and fetches the extra and the
// pinned package.
const listHook = `#!/bin/sh
set -eu
cd "$1/var/cache/apt/archives"
ls >"$PTPLAB_OUT/packages"
if [ -n "${PTPLAB_EXTRA:-}" ]; then
	cd "$PTPLAB_OUT"
	APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get download "$PTPLAB_EXTRA"
fi
` + pinnedHook

// downloadSource fetches the package from a suite into the folder out. It returns the path of the package file, or no
// path and what the suite has instead.
func (a archive) downloadSource(ctx context.Context, suite, pkg, out string) (deb string, offers []string, err error) {
	apt := filepath.Join(out, "apt")
	err = a.mmdebstrap(ctx, suite, apt, out, "customize", sourceHook, []string{"PTPLAB_PACKAGE=" + pkg}, "--variant=custom")
	if err := errors.Join(err, removeAll(apt)); err != nil {
		return "", nil, err
	}
	text, err := os.ReadFile(filepath.Join(out, "offers"))
	if err != nil {
		return "", nil, err
	}
	for line := range strings.Lines(string(text)) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		offers = append(offers, name)
	}
	debs, err := globIn(out, pkg+"_*.deb")
	if err != nil || len(debs) == 0 {
		return "", offers, err
	}
	return debs[0], offers, nil
}

// unpack downloads the packages with all that they depend on and unpacks them into root, without running any of their
// scripts. It returns the version of each package. The hook that environment is for only downloads: the pinned package, if
// the mirror has it, and the extra one, to scratch.
func (a archive) unpack(ctx context.Context, suite, root, scratch string, packages, environment []string) (map[string]string, error) {
	err := a.mmdebstrap(ctx, suite, root, scratch, "extract", listHook, environment,
		"--variant=extract", "--include="+strings.Join(packages, ","))
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(scratch, "packages"))
	if err != nil {
		return nil, err
	}
	versions := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, version, ok := parseDebName(strings.TrimSpace(line)); ok {
			versions[name] = version
		}
	}
	return versions, nil
}

// extraEnvironment lets listHook download one more package of the suite, and none that is pinned.
func extraEnvironment(pkg string) []string {
	return append(pinnedPackage{}.environment(), "PTPLAB_EXTRA="+pkg)
}

// mmdebstrap runs the program for one suite with one hook. Its errors are diagnosed.
func (a archive) mmdebstrap(ctx context.Context, suite, target, scratch, hookKind, hook string, env []string, options ...string) error {
	hookFile := filepath.Join(scratch, "hook")
	if err := os.WriteFile(hookFile, []byte(hook), 0o700); err != nil {
		return err
	}
	args := append(options, "--mode=chrootless", "--"+hookKind+"-hook="+hookFile, suite, target)
	if a.mirror != "" {
		args = append(args, a.mirror)
	}
	cmd := run.Command(ctx, "mmdebstrap", args...)
	cmd.Env = append([]string{"LC_ALL=C", "PTPLAB_OUT=" + scratch}, env...)
	cmd.Inherit = a.work.locks
	cmd.Line = func(line string) {
		news, ok := strings.CutPrefix(line, "I: ")
		if ok && strings.HasSuffix(news, "...") && !strings.Contains(news, "skipping") {
			a.work.progress.step("fetch packages", "suite %s: %s", suite, strings.TrimSuffix(news, "..."))
		}
	}
	return diagnose(suite, cmd.Run())
}

// parseDebName splits "ethtool_1%3a6.14.2-1_amd64.deb" as apt names the files it downloads.
func parseDebName(file string) (name, version string, ok bool) {
	base, ok := strings.CutSuffix(file, ".deb")
	parts := strings.Split(base, "_")
	if !ok || len(parts) != 3 || parts[0] == "" || parts[1] == "" {
		return "", "", false
	}
	return parts[0], strings.ReplaceAll(strings.ReplaceAll(parts[1], "%3a", ":"), "%7e", "~"), true
}

// Reason says why packages could not be had.
type Reason string

// The reasons that are told apart.
const (
	ReasonUnreachable Reason = "no package mirror answers"
	ReasonNoSuite     Reason = "the mirror does not have the suite"
	ReasonExpired     Reason = "the mirror's copy of the suite has expired"
	ReasonUntrusted   Reason = "the suite's signature cannot be checked"
	ReasonNoPackage   Reason = "the suite does not have a package"
)

// advice says what the user can do.
func (r Reason) advice() string {
	switch r {
	case ReasonUnreachable:
		return "check the network, or name a mirror with PTPLAB_MIRROR"
	case ReasonUntrusted:
		return "install a newer debian-archive-keyring"
	default:
		return "name another mirror with PTPLAB_MIRROR"
	}
}

// FetchError says that packages of a suite could not be had.
type FetchError struct {
	Suite  string
	Reason Reason
	Detail string // what apt said
	Err    error
}

// Error is one line: what is wrong, apt's own words, and what to do.
func (e *FetchError) Error() string {
	return fmt.Sprintf("Debian suite %s: %s (%s); %s", e.Suite, e.Reason, e.Detail, e.Reason.advice())
}

// Unwrap returns the program's error with its output.
func (e *FetchError) Unwrap() error { return e.Err }

// signs are apt's words for each reason, in the order in which to look for them.
func signs() []struct {
	text   string
	reason Reason
} {
	return []struct {
		text   string
		reason Reason
	}{
		{"is expired", ReasonExpired},
		{"is not valid yet", ReasonExpired},
		{"NO_PUBKEY", ReasonUntrusted},
		{"is not signed", ReasonUntrusted},
		{"Could not resolve", ReasonUnreachable},
		{"Temporary failure resolving", ReasonUnreachable},
		{"Could not connect", ReasonUnreachable},
		{"Unable to connect", ReasonUnreachable},
		{"Cannot initiate the connection", ReasonUnreachable},
		{"Connection timed out", ReasonUnreachable},
		{"Connection failed", ReasonUnreachable},
		{"does not have a Release file", ReasonNoSuite},
		{"Unable to locate package", ReasonNoPackage},
		{"has no installation candidate", ReasonNoPackage},
		{"unmet dependencies", ReasonNoPackage},
	}
}

// diagnose makes a FetchError of a failed mmdebstrap where its output tells why.
func diagnose(suite string, err error) error {
	var program *run.Error
	if err == nil || !errors.As(err, &program) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	for _, sign := range signs() {
		for line := range strings.Lines(program.Output) {
			if strings.Contains(line, sign.text) {
				detail := strings.TrimPrefix(strings.TrimSpace(line), "E: ")
				return &FetchError{Suite: suite, Reason: sign.reason, Detail: detail, Err: err}
			}
		}
	}
	return fmt.Errorf("packages of Debian suite %s: %w", suite, err)
}
