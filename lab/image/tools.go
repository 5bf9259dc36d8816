package image

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// Tool is something of the host that a build needs.
type Tool struct {
	Name    string // a program in PATH, or the path of a file
	Package string // Debian and Ubuntu package that brings it
	For     []Kind // the images whose build needs it
}

// tools is everything that the builds need beyond what every Debian and Ubuntu has.
func tools() []Tool {
	kernel, both := []Kind{KindKernel}, []Kind{KindKernel, KindRootFS, KindNode}
	return []Tool{
		{"mmdebstrap", "mmdebstrap", both},
		{"/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring", both},
		{"gcc", "gcc", kernel},
		{"/usr/include/stdio.h", "libc6-dev", kernel},
		{"strip", "binutils", kernel},
		{"make", "make", kernel},
		{"flex", "flex", kernel},
		{"bison", "bison", kernel},
		{"bc", "bc", kernel},
		{"patch", "patch", kernel},
		{"xz", "xz-utils", kernel},
		{"go", "golang-go", []Kind{KindPrograms}},
	}
}

// Missing lists what this host lacks to build images of the given kinds; no kinds means none.
func Missing(kinds ...Kind) []Tool {
	var missing []Tool
	for _, tool := range tools() {
		wanted := slices.ContainsFunc(kinds, func(k Kind) bool { return slices.Contains(tool.For, k) })
		if wanted && !tool.isThere() {
			missing = append(missing, tool)
		}
	}
	return missing
}

func (t Tool) isThere() bool {
	if strings.HasPrefix(t.Name, "/") {
		_, err := os.Stat(t.Name)
		return err == nil
	}
	_, err := exec.LookPath(t.Name)
	return err == nil
}

// InstallLine is the command that installs the tools on Debian and Ubuntu.
func InstallLine(missing []Tool) string {
	var packages []string
	for _, tool := range missing {
		if !slices.Contains(packages, tool.Package) {
			packages = append(packages, tool.Package)
		}
	}
	return "sudo apt-get install -y --no-install-recommends " + strings.Join(packages, " ")
}

// MissingError says which tools a build lacks and how to get them.
type MissingError struct {
	Tools []Tool
}

// Error names the tools and the command that installs them.
func (e *MissingError) Error() string {
	names := make([]string, len(e.Tools))
	for i, tool := range e.Tools {
		names[i] = tool.Name
	}
	return fmt.Sprintf("this machine lacks %s; install with: %s", strings.Join(names, ", "), InstallLine(e.Tools))
}
