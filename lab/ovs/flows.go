package ovs

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// wantedFlows are the flows of every bridge, as ovs-ofctl prints them, sorted: PTP over Ethernet (IEEE 1588-2019
// annex E, ethertype 0x88F7, with or without an 802.1Q tag) is dropped, since each VLAN has a boundary clock instead;
// all else is switched.
func wantedFlows() []string {
	return []string{"priority=0 actions=NORMAL", "priority=100,dl_type=0x88f7 actions=drop"}
}

// dumpFlows lists the flows of a bridge.
func (s *Switch) dumpFlows(ctx context.Context, bridge string) ([]string, error) {
	out, err := s.ofctl(ctx, "", "--no-stats", "dump-flows", s.management(bridge))
	if err != nil {
		return nil, fmt.Errorf("list flows of %s: %w", bridge, err)
	}
	return parseFlows(out), nil
}

// replaceFlows makes wantedFlows the flows of a bridge; those that are there already are not touched.
func (s *Switch) replaceFlows(ctx context.Context, bridge string) error {
	var text strings.Builder
	for _, flow := range wantedFlows() {
		text.WriteString(strings.Replace(flow, " ", ",", 1) + "\n")
	}
	if _, err := s.ofctl(ctx, text.String(), "replace-flows", s.management(bridge), "-"); err != nil {
		return fmt.Errorf("set flows of %s: %w", bridge, err)
	}
	return nil
}

// management is where ovs-vswitchd takes OpenFlow commands for a bridge.
func (s *Switch) management(bridge string) string { return "unix:" + s.path(bridge+".mgmt") }

func (s *Switch) ofctl(ctx context.Context, input string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "ovs-ofctl", args...)
	cmd.Stdin = strings.NewReader(input)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("ovs-ofctl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// parseFlows reads what ovs-ofctl --no-stats dump-flows prints: one flow a line, in the order of the tables.
func parseFlows(text string) []string {
	var flows []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || !strings.Contains(line, "actions=") { // a reply header has none
			continue
		}
		flows = append(flows, line)
	}
	slices.Sort(flows)
	return flows
}
