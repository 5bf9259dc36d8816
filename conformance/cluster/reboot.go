package cluster

import (
	"context"
	"fmt"
	"strings"
)

// rebootScript asks the init of the node's own namespaces to reboot it, a moment after the program in the container has ended:
// its answer would get lost otherwise. The daemon's container is privileged and shares the node's process ids.
const rebootScript = `nsenter -t 1 -m -u -i -n -p systemd-run --on-active=2 systemctl reboot`

// Reboot asks a node to reboot.
func (s *System) Reboot(ctx context.Context, node string) error {
	result, err := s.Exec(ctx, node, []string{"sh", "-c", rebootScript})
	if err != nil {
		return err
	}
	if result.Exit != 0 {
		return fmt.Errorf("ask the init of %s to reboot it: %s", node, strings.TrimSpace(result.Stderr))
	}
	return nil
}
