package sabotage

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// processSabotages break the supervision of programs.
func processSabotages() []Sabotage {
	return []Sabotage{
		rewritten("restarts are not counted", specs.AreaRestart, nil, starts("1")),
		killing("ptp4l stays dead", nil, func(k kill) []string {
			if !strings.HasPrefix(k.config, "ptp4l.") {
				return nil
			}
			return []string{k.config}
		}, true),
		killing("phc2sys stays dead", nil, func(k kill) []string {
			if !strings.HasPrefix(k.config, "phc2sys.") {
				return nil
			}
			return []string{k.config}
		}, true),
		killing("supervisor that starts everything anew", []specs.Mode{specs.DualNICBC}, func(k kill) []string {
			return slices.DeleteFunc(slices.Clone(k.all), func(c string) bool { return c == k.config })
		}, false),
		deafToKill(),
		socketLost(),
	}
}

// starts tells one number for every count of restarts.
func starts(value string) func(text string) string {
	return func(text string) string {
		return eachLine(text, func(line string) string {
			series, _, ok := strings.Cut(line, "} ")
			if ok && strings.HasPrefix(series, "openshift_ptp_process_restart_count{") {
				return series + "} " + value
			}
			return line
		})
	}
}

// kill is a process that the suite has killed.
type kill struct {
	config string   // "ptp4l.0.config"
	all    []string // those of its node
}

// killer is a system on which more dies than the suite kills.
type killer struct {
	inArea
	also func(kill) []string // what else is killed, by configuration file
	loop bool                // for as long as the area is being checked

	dead *map[[2]string]bool // node and configuration file, of those killed in a loop
}

// killAllScript sends SIGKILL to the programs of the shell's network namespace that have one of the configuration files named, by their
// last part, and prints the names of all.
const killAllScript = `
for p in /proc/[0-9]*; do
	{ read -r name <"$p/comm"; } 2>/dev/null || continue
	case $name in ptp4l|phc2sys|ts2phc) ;; *) continue ;; esac
	[ "$p/ns/net" -ef /proc/self/ns/net ] || continue
	config=$(tr '\0' '\n' <"$p/cmdline" | grep -m1 '\.config$') || continue
	config=${config##*/}
	echo "$config"
	for c; do
		[ "$c" != "$config" ] || kill -s KILL "${p#/proc/}"
	done
done 2>/dev/null
exit 0`

// killAll kills the programs of a node that have the named configuration files, and lists the files of all.
func killAll(ctx context.Context, system sut.System, node string, configs ...string) ([]string, error) {
	text, err := run(ctx, system, node, append([]string{"sh", "-c", killAllScript, "ptplab-kill-all"}, configs...)...)
	return strings.Fields(text), err
}

// Exec kills more when the suite kills a process.
func (k killer) Exec(ctx context.Context, node string, argv []string) (sut.Result, error) {
	result, err := k.System.Exec(ctx, node, argv)
	if err != nil || !k.is(ctx) || len(argv) < 7 || argv[3] != "ptplab-kill" {
		return result, err
	}
	all, err := killAll(ctx, k.System, node)
	if err != nil {
		return result, err
	}
	more := k.also(kill{config: path.Base(argv[6]), all: all})
	for _, config := range more {
		if k.loop {
			(*k.dead)[[2]string{node, config}] = true
		}
	}
	_, err = killAll(ctx, k.System, node, more...)
	return result, err
}

// Metrics kills again what must not live.
func (k killer) Metrics(ctx context.Context, node string) ([]byte, error) {
	for dead := range *k.dead {
		if k.is(ctx) && dead[0] == node {
			if _, err := killAll(ctx, k.System, node, dead[1]); err != nil {
				return nil, err
			}
		}
	}
	return k.System.Metrics(ctx, node)
}

// killing makes more die than the suite kills.
func killing(name string, modes []specs.Mode, also func(kill) []string, loop bool) Sabotage {
	return Sabotage{Name: name, Area: specs.AreaRestart, Modes: modes, Apply: func(_ context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
		return killer{inArea{system, specs.AreaRestart}, also, loop, &map[[2]string]bool{}}, nothing, nil
	}}
}

// deaf is a system whose processes do not die of what the suite sends them.
type deaf struct{ inArea }

func (d deaf) Exec(ctx context.Context, node string, argv []string) (sut.Result, error) {
	if d.is(ctx) && len(argv) > 4 && argv[3] == "ptplab-kill" {
		return sut.Result{}, nil
	}
	return d.System.Exec(ctx, node, argv)
}

// deafToKill lets nothing die.
func deafToKill() Sabotage {
	return Sabotage{
		Name: "killed processes live on", Area: specs.AreaRestart,
		Apply: func(_ context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
			return deaf{inArea{system, specs.AreaRestart}}, nothing, nil
		},
	}
}

// talkative is a system whose daemon cannot reach the event service after a process was killed.
type talkative struct {
	inArea
	logs sut.Logs
}

// socketLost adds to the log what a daemon says that has lost the event service.
func socketLost() Sabotage {
	return Sabotage{
		Name: "event socket lost at a restart", Area: specs.AreaRestart,
		Apply: func(_ context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
			logs, ok := sut.As[sut.Logs](system)
			if !ok {
				return nil, nil, errors.Join(ErrNotApplicable, errors.New("no logs"))
			}
			return talkative{inArea{system, specs.AreaRestart}, logs}, nothing, nil
		},
	}
}

func (t talkative) Logs(ctx context.Context, node string, since time.Time) ([]sut.LogLine, error) {
	lines, err := t.logs.Logs(ctx, node, since)
	if err != nil || !t.is(ctx) || since.IsZero() {
		return lines, err
	}
	return append(lines, sut.LogLine{At: since, Text: "ptp4l.0.config: Failed to reconnect to event socket"}), nil
}
