package sabotage

import (
	"context"
	"fmt"

	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// socketSabotages open sockets to everybody.
func socketSabotages() []Sabotage { return []Sabotage{socketForAll()} }

// openScript lets everybody into the folder of a configuration file ($1) and at the sockets of ptp4l there; closeScript takes it back by
// the modes that it has printed: "MODE FILE" lines ($1).
const (
	openScript = `
cd "${1%/*}" || exit 1
for f in . ptp4l.*.socket ptp4l.[0-9]*.socket; do
	[ -e "$f" ] || continue
	stat -c "%a ${1%/*}/%n" "$f"
done | sort -u
chmod 0755 . && chmod 0777 ptp4l.*.socket`
	closeScript = `
printf '%s' "$1" | while read -r mode file; do
	[ ! -e "$file" ] || chmod "$mode" "$file" || exit 1
done`
)

// socketForAll lets every user of the node of the clock under test ask and set ptp4l.
func socketForAll() Sabotage {
	return Sabotage{
		Name: "sockets open to every user", Area: specs.AreaSockets,
		Apply: func(ctx context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
			if _, ok := sut.As[sut.Unprivileged](system); !ok {
				return nil, nil, fmt.Errorf("%w: nothing runs without privileges", ErrNotApplicable)
			}
			clocks, err := underTest(ctx, system)
			if err != nil {
				return nil, nil, err
			}
			i := clocks[0]
			modes, err := run(ctx, system, i.Node, "sh", "-c", openScript, "ptplab-open", i.Config)
			if err != nil {
				return nil, nil, fmt.Errorf("open the sockets of %s: %w", i.Node, err)
			}
			undo := func(ctx context.Context) error {
				_, err := run(ctx, system, i.Node, "sh", "-c", closeScript, "ptplab-close", modes)
				return err
			}
			return system, undo, nil
		},
	}
}

// underTest lists the clocks under test.
func underTest(ctx context.Context, system sut.System) ([]sut.Instance, error) {
	inv, err := system.Inventory(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the system: %w", err)
	}
	all := specs.UnderTest(inv)
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: no clock under test", ErrNotApplicable)
	}
	return all, nil
}
