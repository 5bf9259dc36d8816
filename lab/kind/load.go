package kind

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// importGrace is how long Docker's client may take to end once it is told to.
const importGrace = 5 * time.Second

// ImportImages gives the container runtime of a node the images of an archive, from where the file stands, as kind does it.
// Those of a name that is there already take its place.
func ImportImages(ctx context.Context, node Container, archive *os.File) error {
	// A descriptor is read by the client itself: nothing is copied here.
	cmd := exec.CommandContext(ctx, "docker", "exec", "--interactive", node.ID,
		"ctr", "--namespace=k8s.io", "images", "import", "--all-platforms", "--digests", "--snapshotter=overlayfs", "-")
	cmd.Stdin = archive
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = importGrace
	if out, err := cmd.CombinedOutput(); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return fmt.Errorf("import images on node %s: %w: %s", node.Node, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// Journal is what a node's services have noted since it started.
func Journal(ctx context.Context, node Container) ([]byte, error) {
	out, err := docker(ctx, "exec", node.ID, "journalctl", "--no-pager", "--output=short-iso-precise").Output()
	if err != nil {
		return out, fmt.Errorf("journal of node %s: %w", node.Node, err)
	}
	return out, nil
}

// Listing is what Docker says of all containers of the lab, a line each.
func Listing(ctx context.Context) ([]byte, error) {
	out, err := docker(ctx, "ps", "--all", "--no-trunc").Output()
	if err != nil {
		return out, fmt.Errorf("list the containers: %w", err)
	}
	return out, nil
}
