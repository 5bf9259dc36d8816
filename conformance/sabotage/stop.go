package sabotage

import (
	"context"
	"errors"
	"fmt"

	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// signalScript sends a signal ($1) to the ptp4l that has a configuration file ($2) on its command line and runs in
// the network namespace of the shell: nodes of a lab may share process ids.
const signalScript = `
here=$(readlink /proc/self/ns/net)
found=1
for p in /proc/[0-9]*; do
	read -r name 2>/dev/null <"$p/comm" || continue
	[ "$name" = ptp4l ] && [ "$(readlink "$p/ns/net")" = "$here" ] || continue
	tr '\0' '\n' <"$p/cmdline" | grep -qxF -e "$2" || continue
	kill -"$1" "${p#/proc/}" && found=0
done
exit $found`

func signal(ctx context.Context, system sut.System, i sut.Instance, name string) error {
	if _, err := run(ctx, system, i.Node, "sh", "-c", signalScript, "ptplab-signal", name, i.Config); err != nil {
		return fmt.Errorf("send %s to %s: %w", name, i, err)
	}
	return nil
}

// upstreamStopped freezes every ptp4l that the furthest receiver could take its time from.
func upstreamStopped() Sabotage {
	return Sabotage{
		Name:  "upstream ptp4l stopped",
		Area:  specs.AreaSync,
		Modes: []specs.Mode{specs.OC, specs.DualNICBC},
		Apply: func(ctx context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
			upstreams, err := upstreamsOfTarget(ctx, system)
			if err != nil {
				return nil, nil, err
			}
			undo := func(ctx context.Context) error {
				var faults []error
				for _, i := range upstreams {
					faults = append(faults, signal(ctx, system, i, "CONT"))
				}
				return errors.Join(faults...)
			}
			for _, i := range upstreams {
				if err := signal(ctx, system, i, "STOP"); err != nil {
					return nil, nil, err
				}
			}
			if err := settle(ctx, system); err != nil {
				return nil, nil, errors.Join(err, undo(context.WithoutCancel(ctx)))
			}
			return system, undo, nil
		},
	}
}

func upstreamsOfTarget(ctx context.Context, system sut.System) ([]sut.Instance, error) {
	chain, err := target(ctx, system)
	if err != nil {
		return nil, err
	}
	inv, err := system.Inventory(ctx)
	if err != nil {
		return nil, err
	}
	var upstreams []sut.Instance
	for _, name := range chain[0].Upstream {
		if i, ok := inv.Instance(name); ok {
			upstreams = append(upstreams, i)
		}
	}
	return upstreams, nil
}
