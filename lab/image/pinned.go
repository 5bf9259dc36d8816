package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ptplab/ptplab/lab/run"
)

// pinnedPackage is a Debian package that is newer than the suite's. It is taken from the mirror's pool by its path, so
// that the suite which lists it need not be current, and it is known by its hash.
type pinnedPackage struct {
	Name    string
	Version string
	Path    string // below the mirror's address
	SHA256  string // of the package file
}

// pinnedLinuxptp is the first release that signs messages (sa_file, spp), and needs no newer libc than the suite has.
func pinnedLinuxptp() pinnedPackage {
	return pinnedPackage{
		Name:    "linuxptp",
		Version: "4.4-1",
		Path:    "pool/main/l/linuxptp/linuxptp_4.4-1_amd64.deb",
		SHA256:  "d77f9ec3e298b84de38a67f3a49fc85517509a3337584d165da484441d3f8b03",
	}
}

// addTo adds what decides the package to the inputs of an image.
func (p pinnedPackage) addTo(in inputs) {
	in["pinned "+p.Name] = p.Version + " " + p.SHA256
}

// The files that pinnedHook leaves in its folder.
const (
	pinnedFile = "pinned.deb"
	pinnedTalk = "pinned.log"
)

// pinnedHook is the part of an mmdebstrap hook that fetches the package from the first mirror that has it. It does not
// fail if none has; what apt says of each is in pinnedTalk.
const pinnedHook = `
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
cd "$PTPLAB_OUT"
: >pinned.log
for mirror in $(apt-get indextargets --format '$(REPO_URI)' | awk '!seen[$0]++'); do
	[ -n "$PTPLAB_PINNED_PATH" ] || break
	if PATH="$PATH:/usr/lib/apt" apt-helper download-file "${mirror%/}/$PTPLAB_PINNED_PATH" "$PTPLAB_OUT/pinned.deb" "SHA256:$PTPLAB_PINNED_SHA256" >>pinned.log 2>&1; then
		break
	fi
	rm -f pinned.deb
done
`

// environment is what pinnedHook reads.
func (p pinnedPackage) environment() []string {
	return []string{"PTPLAB_PINNED_PATH=" + p.Path, "PTPLAB_PINNED_SHA256=" + p.SHA256}
}

// fetched returns the path of the package that pinnedHook downloaded to the folder. If no mirror has the package the path
// is empty and why tells it; any other reason not to have it is an error.
func (p pinnedPackage) fetched(dir string) (deb, why string, err error) {
	deb = filepath.Join(dir, pinnedFile)
	sum, err := fileSum(deb)
	if errors.Is(err, fs.ErrNotExist) {
		why, err := p.whyNot(dir)
		return "", why, err
	}
	if err != nil {
		return "", "", err
	}
	if sum != p.SHA256 {
		return "", "", fmt.Errorf("package %s %s: SHA-256 %s, want %s", p.Name, p.Version, sum, p.SHA256)
	}
	return deb, "", nil
}

// whyNot reads what apt said.
func (p pinnedPackage) whyNot(dir string) (why string, err error) {
	talk, err := os.ReadFile(filepath.Join(dir, pinnedTalk))
	if err != nil {
		return "", err
	}
	asked := 0
	for line := range strings.Lines(string(talk)) {
		fault, ok := strings.CutPrefix(strings.TrimSpace(line), "E: Failed to fetch ")
		if !ok {
			continue
		}
		asked++
		if !strings.Contains(fault, " 404 ") && !strings.Contains(fault, "File not found") {
			return "", fmt.Errorf("package %s %s: %s", p.Name, p.Version, fault)
		}
	}
	if asked == 0 {
		return "", fmt.Errorf("package %s %s: apt-helper says %q", p.Name, p.Version, strings.TrimSpace(string(talk)))
	}
	return fmt.Sprintf("the mirror no longer has %s %s", p.Name, p.Version), nil
}

// unpackDeb lays the package in the file deb over what is in root.
func unpackDeb(ctx context.Context, w *work, deb, root string) error {
	cmd := run.Command(ctx, "dpkg-deb", "-x", deb, root)
	cmd.Env = []string{"LC_ALL=C"}
	cmd.Inherit = w.locks
	return cmd.Run()
}
