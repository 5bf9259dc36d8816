package sabotage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// impostorScript starts ($1 = start) a ptp4l with a configuration text ($3), or stops it. $2 is the base of its files. To stop
// one that has ended by itself is an error, with its last words.
const impostorScript = `
if [ "$1" = start ]; then
	printf '%s' "$3" >"$2.config" || exit 1
	setsid ptp4l -f "$2.config" </dev/null >"$2.log" 2>&1 &
	echo $! >"$2.pid"
else
	kill "$(cat "$2.pid")" || { tail -n 3 "$2.log" >&2; gone=1; }
	rm -f "$2.config" "$2.log" "$2.pid"
	exit ${gone:-0}
fi`

const impostorBase = "/var/run/ptplab-impostor"

// impostorBeside starts a better grandmaster at the transmit port of the last clock above the furthest receiver that is
// no switch. It sends that clock's own time, so everybody stays locked and right, but the time no longer comes down the
// path that it should: what the receiver hears is not the clock under test.
func impostorBeside() Sabotage {
	return Sabotage{
		Name:  "impostor beside a transmit port",
		Area:  specs.AreaPath,
		Modes: []specs.Mode{specs.OC, specs.DualNICBC},
		Apply: func(ctx context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
			chain, err := target(ctx, system)
			if err != nil {
				return nil, nil, err
			}
			n := slices.IndexFunc(chain[1:], func(i sut.Instance) bool { return !i.InSwitch && len(i.TransmitPorts) > 0 })
			if n < 0 {
				return nil, nil, fmt.Errorf("%w: no clock outside the switches above %s", ErrNotApplicable, chain[0])
			}
			above := chain[1:][n]
			config, err := run(ctx, system, above.Node, "cat", above.Config)
			if err != nil {
				return nil, nil, fmt.Errorf("read the configuration of %s: %w", above, err)
			}
			_, err = run(ctx, system, above.Node, "sh", "-c", impostorScript, "ptplab-impostor", "start", impostorBase, impostorConfig(config, above.TransmitPorts))
			if err != nil {
				return nil, nil, fmt.Errorf("start an impostor beside %s: %w", above, err)
			}
			undo := func(ctx context.Context) error {
				_, err := run(ctx, system, above.Node, "sh", "-c", impostorScript, "ptplab-impostor", "stop", impostorBase)
				return err
			}
			if err := settle(ctx, system); err != nil {
				return nil, nil, errors.Join(err, undo(context.WithoutCancel(ctx)))
			}
			return system, undo, nil
		},
	}
}

// impostorOptions win over any honest grandmaster, by the default data set comparison as by that of G.8275.1. A boundary clock's
// configuration may say gmCapable 0, with which it would keep silent.
const impostorOptions = `
clockIdentity 0a0000.fffe.00dead
priority1 0
priority2 0
clockClass 6
clockAccuracy 0x20
offsetScaledLogVariance 0x0001
free_running 1
gmCapable 1
uds_address /var/run/ptplab-impostor.socket
uds_ro_address /var/run/ptplab-impostor.socket.ro
`

// impostorConfig makes the impostor's configuration out of the honest clock's: the same domain, transport and rates.
func impostorConfig(honest string, ports []string) string {
	replaced := map[string]bool{
		"uds_file_mode": true, "message_tag": true, "slaveOnly": true, "clientOnly": true, "boundary_clock_jbod": true,
		"uds_address": true, "uds_ro_address": true, "masterOnly": true, "serverOnly": true,
	}
	for line := range strings.Lines(impostorOptions) {
		key, _, _ := strings.Cut(line, " ")
		replaced[key] = true
	}
	var text strings.Builder
	text.WriteString("[global]\n")
	inGlobal := false
	for line := range strings.Lines(honest) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			inGlobal = line == "[global]"
			continue
		}
		fields := strings.Fields(line)
		if inGlobal && len(fields) > 1 && !strings.HasPrefix(line, "#") && !replaced[fields[0]] {
			text.WriteString(line + "\n")
		}
	}
	text.WriteString(strings.TrimPrefix(impostorOptions, "\n"))
	for _, port := range ports {
		fmt.Fprintf(&text, "[%s]\nserverOnly 1\n", port)
	}
	return text.String()
}
