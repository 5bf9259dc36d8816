package kind

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// HasImage says whether Docker has an image of this id, "sha256:...".
func HasImage(ctx context.Context, id string) (bool, error) {
	out, err := docker(ctx, "images", "--no-trunc", "--quiet").Output()
	if err != nil {
		return false, fmt.Errorf("list Docker's images: %w", err)
	}
	for _, line := range strings.Fields(string(out)) {
		if line == id {
			return true, nil
		}
	}
	return false, nil
}

// LoadImage gives Docker the images of an archive, a file or a device.
func LoadImage(ctx context.Context, archive string) error {
	f, err := os.Open(archive)
	if err != nil {
		return fmt.Errorf("load an image into Docker: %w", err)
	}
	defer f.Close()
	cmd := exec.CommandContext(ctx, "docker", "load", "--quiet")
	cmd.Stdin = f // a descriptor, so that the client itself reads it
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("load an image into Docker: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
