package image

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const manifestName = "manifest.json"

// Manifest is the birth certificate of a cache entry, the file manifest.json in it.
type Manifest struct {
	Kind         Kind              `json:"kind"`
	Name         string            `json:"name"`               // "7.3", "trixie-linuxptp-4.4"
	Key          string            `json:"key"`                // hash of Inputs
	Payload      string            `json:"payload"`            // the image within the entry: "linux", "root"
	Version      string            `json:"version,omitempty"`  // what the kernel says of itself, "7.3.4"
	Why          string            `json:"why,omitempty"`      // why this one and not the first choice
	Source       *SourcePackage    `json:"source,omitempty"`   // the kernel's
	Image        *NodeImage        `json:"image,omitempty"`    // what Docker knows of a node image
	Packages     map[string]string `json:"packages,omitempty"` // name to version, of a root file system
	Compiler     string            `json:"compiler,omitempty"` // first line of gcc --version
	Objects      int               `json:"objects,omitempty"`  // files compiled, the measure of a later build's progress
	Size         int64             `json:"size"`               // bytes on disk of the payload
	Built        time.Time         `json:"built"`              // when the build began, UTC
	BuildSeconds float64           `json:"buildSeconds"`       // wall time
	Inputs       inputs            `json:"inputs,omitempty"`
}

// SourcePackage is a Debian package with the source of a kernel.
type SourcePackage struct {
	Package string `json:"package"` // "linux-source-7.3"
	Version string `json:"version"` // "7.3.4-1~bpo13+1"
	Suite   string `json:"suite"`   // "trixie-backports"
	SHA256  string `json:"sha256"`  // of the package file
}

// complete fills in what every recipe's manifest has in common.
func (m *Manifest) complete(i Image, chosen choice, start time.Time) {
	m.Kind = i.kind
	m.Key = chosen.inputs.key()
	m.Payload = i.payload
	m.Inputs = chosen.inputs
	m.Built = start.UTC().Truncate(time.Second)
	m.BuildSeconds = time.Since(start).Round(100 * time.Millisecond).Seconds()
}

func readManifest(dir string) (Manifest, error) {
	var m Manifest
	text, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("%s: %w", filepath.Join(dir, manifestName), err)
	}
	if !safeName(m.Payload) {
		return m, fmt.Errorf("%s: payload %q is not a file name", filepath.Join(dir, manifestName), m.Payload)
	}
	return m, nil
}

func writeManifest(dir string, m Manifest) error {
	text, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return fmt.Errorf("manifest of %s: %w", dir, err)
	}
	return os.WriteFile(filepath.Join(dir, manifestName), append(text, '\n'), 0o600)
}

// payloadIsThere is a cheap check that nobody emptied the entry: a file has its size, a folder its init links.
func payloadIsThere(dir string, m Manifest) bool {
	info, err := os.Stat(filepath.Join(dir, m.Payload))
	if err != nil {
		return false
	}
	if info.IsDir() {
		_, err := os.Lstat(filepath.Join(dir, m.Payload, "usr", "bin"))
		return err == nil
	}
	return info.Size() > 0 && (m.Kind != KindKernel || info.Mode()&0o100 != 0)
}
