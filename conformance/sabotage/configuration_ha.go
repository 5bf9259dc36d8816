package sabotage

import (
	"context"
	"fmt"

	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// highAvailabilitySabotages keep a system clock where it is, or the clocks that it follows.
func highAvailabilitySabotages() []Sabotage {
	ha := []specs.Mode{specs.DualNICBCHA}
	return []Sabotage{
		stuckOnDeadProfile(),
		relinked("last upstream link cannot be lost", specs.AreaFailover, ha, lastStaysUp),
	}
}

// stopScript sends a signal ($1) to every phc2sys in the network namespace of the shell: nodes of a lab may share process ids.
const stopScript = `
here=$(readlink /proc/self/ns/net)
found=1
for p in /proc/[0-9]*; do
	read -r name 2>/dev/null <"$p/comm" || continue
	[ "$name" = phc2sys ] && [ "$(readlink "$p/ns/net")" = "$here" ] || continue
	kill -"$1" "${p#/proc/}" && found=0
done
exit $found`

// stuckOnDeadProfile stops phc2sys while a boundary clock has no upstream link: the system clock does not change over.
func stuckOnDeadProfile() Sabotage {
	return Sabotage{
		Name:  "system clock stuck on the dead profile",
		Area:  specs.AreaFailover,
		Modes: []specs.Mode{specs.DualNICBCHA},
		Apply: func(ctx context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
			inv, err := system.Inventory(ctx)
			if err != nil {
				return nil, nil, fmt.Errorf("list the system: %w", err)
			}
			clocks := boundaries(inv)
			stopped := map[string]bool{} // by node
			signal := func(ctx context.Context, node, name string) error {
				if stopped[node] == (name == "STOP") {
					return nil
				}
				stopped[node] = name == "STOP"
				_, err := run(ctx, system, node, "sh", "-c", stopScript, "ptplab-stop", name)
				return err
			}
			setLink := func(ctx context.Context, port sut.PortRef, up bool) error {
				if specs.AreaOf(ctx) == specs.AreaFailover && hasReceivePort(clocks, port) {
					name := "STOP"
					if up {
						name = "CONT"
					}
					if err := signal(ctx, port.Node, name); err != nil {
						return err
					}
				}
				return system.SetLink(ctx, port, up)
			}
			undo := func(ctx context.Context) error {
				for node := range stopped {
					if err := signal(ctx, node, "CONT"); err != nil {
						return err
					}
				}
				return nil
			}
			return links{system, setLink}, undo, nil
		},
	}
}

// lastStaysUp leaves the upstream link up that would be the last of the boundary clocks under test to go down.
func lastStaysUp(inv sut.Inventory, set linkSetter) linkSetter {
	clocks := boundaries(inv)
	total := 0
	for _, i := range clocks {
		total += len(i.ReceivePorts)
	}
	down := map[sut.PortRef]bool{}
	return func(ctx context.Context, port sut.PortRef, up bool) error {
		if !hasReceivePort(clocks, port) {
			return set(ctx, port, up)
		}
		if !up && len(down) == total-1 && !down[port] {
			return nil
		}
		if delete(down, port); !up {
			down[port] = true
		}
		return set(ctx, port, up)
	}
}
