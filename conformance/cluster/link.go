package cluster

import (
	"context"
	"fmt"
	"strings"

	"github.com/ptplab/ptplab/conformance/sut"
)

// linkScript sets a link ($1) up or down ($2) in the network namespace of the node. NetworkManager, where the host has it, would set
// a link that goes down up again after seconds, so it is told not to manage the device meanwhile. Exit status 8 of nmcli is that
// NetworkManager does not run, 10 that it does not know the device.
const linkScript = `
managed() {
	chroot /proc/1/root sh -c 'command -v nmcli' >/dev/null 2>&1 || return 0
	chroot /proc/1/root nmcli device set "$1" managed "$2" >&2 && return 0
	status=$?
	[ "$status" = 8 ] || [ "$status" = 10 ]
}
if [ "$2" = down ]; then
	managed "$1" no || exit
	ip link set dev "$1" down
else
	ip link set dev "$1" up || exit
	managed "$1" yes
fi`

// SetLink sets an interface of a node administratively up or down.
func (s *System) SetLink(ctx context.Context, port sut.PortRef, up bool) error {
	state, other := "down", "up"
	if up {
		state, other = "up", "down"
	}
	set := func() error {
		result, err := s.Exec(ctx, port.Node, []string{"sh", "-c", linkScript, "ptplab-link", port.Interface, state})
		if err != nil {
			return err
		}
		if result.Exit != 0 {
			return fmt.Errorf("set %s %s: exit status %d: %s", port, state, result.Exit, strings.TrimSpace(result.Stderr))
		}
		return nil
	}
	if err := s.journal.read(ctx); err != nil {
		return s.explain(err, "read secret %s", journalName)
	}
	was := entry{kindLink, port.Node, port.Interface, &other}
	if _, noted := s.journal.entries[was.id()]; up && !noted {
		return set() // up already, by all that is known
	}
	return s.change(ctx, was, &state, set)
}
