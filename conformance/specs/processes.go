package specs

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
)

// processScript prints a line for each linuxptp program in the network namespace of the shell: nodes of a lab may share
// process ids. The line is process id, name, real-time priority and scheduling policy (proc(5), /proc/PID/stat, fields 40 and 41) and
// the command line.
const processScript = `
for p in /proc/[0-9]*; do
	{ read -r name <"$p/comm"; } 2>/dev/null || continue
	case $name in ptp4l|phc2sys|ts2phc) ;; *) continue ;; esac
	[ "$p/ns/net" -ef /proc/self/ns/net ] || continue
	{ read -r stat <"$p/stat"; } 2>/dev/null || continue
	pid=${p#/proc/}
	set -- ${stat##*) }
	printf '%s %s %s %s ' "$pid" "$name" "${38}" "${39}"
	tr '\0' ' ' <"$p/cmdline"
	echo
done 2>/dev/null`

// killScript sends a signal ($1) to a process ($2); its configuration file ($3) is for people who watch.
const killScript = `kill -s "$1" "$2"`

// policyFIFO is SCHED_FIFO, sched(7).
const policyFIFO = 1

// running is a linuxptp program that runs on a node.
type running struct {
	PID      int
	Program  string // "ptp4l"
	Config   string // its configuration file, the argument of -f: "/var/run/ptp4l.0.config"
	Priority int    // real-time priority; 0 for none
	Policy   int    // scheduling policy, 1 for SCHED_FIFO
}

// name is the configuration file without its folder, by which metrics and logs know the process: "ptp4l.0.config".
func (r running) name() string { return path.Base(r.Config) }

// processes lists the linuxptp programs of a node that have a configuration file.
func (t *Test) processes(ctx context.Context, node string) ([]running, error) {
	result, err := t.System.Exec(ctx, node, []string{"sh", "-c", processScript, "ptplab-processes"})
	if err != nil {
		return nil, fmt.Errorf("list the processes of %s: %w", node, err)
	}
	if result.Exit != 0 {
		return nil, fmt.Errorf("list the processes of %s: exit status %d: %s", node, result.Exit, strings.TrimSpace(result.Stderr))
	}
	found, err := parseProcesses(result.Stdout)
	if err != nil {
		return nil, fmt.Errorf("list the processes of %s: %w", node, err)
	}
	return found, nil
}

// parseProcesses reads what processScript prints. A line without a configuration file is passed over.
func parseProcesses(text string) ([]running, error) {
	var found []running
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if len(fields) < 4 {
			return nil, fmt.Errorf("%q is no process", strings.TrimSpace(line))
		}
		var numbers [3]int
		for n, field := range []string{fields[0], fields[2], fields[3]} {
			v, err := strconv.ParseUint(field, 10, 31)
			if err != nil {
				return nil, fmt.Errorf("%q is no process: %w", strings.TrimSpace(line), err)
			}
			numbers[n] = int(v)
		}
		f := slices.Index(fields, "-f")
		if f < 4 || f+1 >= len(fields) {
			continue
		}
		found = append(found, running{PID: numbers[0], Program: fields[1], Config: fields[f+1], Priority: numbers[1], Policy: numbers[2]})
	}
	return found, nil
}

// one is the only process of a configuration file.
func one(all []running, node, config string) (running, error) {
	var found []running
	for _, r := range all {
		if r.Config == config {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		return running{}, fmt.Errorf("%d processes with %s run on %s, expected one", len(found), config, node)
	}
	return found[0], nil
}

// kill sends a signal to a process of a node.
func (t *Test) kill(ctx context.Context, node string, r running, signal string) error {
	result, err := t.System.Exec(ctx, node, []string{"sh", "-c", killScript, "ptplab-kill", signal, strconv.Itoa(r.PID), r.Config})
	if err == nil && result.Exit != 0 {
		err = fmt.Errorf("exit status %d: %s", result.Exit, strings.TrimSpace(result.Stderr))
	}
	if err != nil {
		return fmt.Errorf("send SIG%s to %s (process %d) of %s: %w", signal, r.name(), r.PID, node, err)
	}
	return nil
}

// configScript prints all configuration files of a node's programs in a folder ($1), each after a line "==== FILE".
const configScript = `
cd "$1" || exit 1
for f in ptp4l.*.config phc2sys.*.config ts2phc.*.config; do
	[ -f "$f" ] || continue
	echo "==== $f"
	cat "$f"
	echo
done`

// configFile is the configuration of a program as its node has written it.
type configFile struct {
	Name    string         // "ptp4l.0.config"
	Profile string         // what the line "#profile:" says
	Text    ptpconfig.Conf //
}

// configFiles lists the configuration files of a node's programs, by the folder in which they are.
func (t *Test) configFiles(ctx context.Context, node, folder string) ([]configFile, error) {
	result, err := t.System.Exec(ctx, node, []string{"sh", "-c", configScript, "ptplab-configs", folder})
	if err == nil && result.Exit != 0 {
		err = fmt.Errorf("exit status %d: %s", result.Exit, strings.TrimSpace(result.Stderr))
	}
	if err != nil {
		return nil, fmt.Errorf("read the configuration files in %s of %s: %w", folder, node, err)
	}
	return parseConfigFiles(result.Stdout), nil
}

func parseConfigFiles(text string) []configFile {
	var files []configFile
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(line, "==== "); ok {
			files = append(files, configFile{Name: strings.TrimSpace(name)})
			continue
		}
		if len(files) == 0 {
			continue
		}
		last := &files[len(files)-1]
		last.Text += ptpconfig.Conf(line)
		if profile, ok := strings.CutPrefix(line, "#profile:"); ok && last.Profile == "" {
			last.Profile = strings.TrimSpace(profile)
		}
	}
	return files
}

// configOf is the configuration file of an instance as its node has written it.
func (t *Test) configOf(ctx context.Context, i sut.Instance) (configFile, error) {
	files, err := t.configFiles(ctx, i.Node, path.Dir(i.Config))
	if err != nil {
		return configFile{}, err
	}
	n := slices.IndexFunc(files, func(f configFile) bool { return f.Name == path.Base(i.Config) })
	if n < 0 {
		return configFile{}, fmt.Errorf("%s has no configuration file %s", i.Node, i.Config)
	}
	return files[n], nil
}

// needConfig skips a check of an instance that cannot be reached on its node.
func needConfig(instances ...sut.Instance) error {
	for _, i := range instances {
		if i.Config == "" {
			return Skipped(fmt.Sprintf("the ptp4l of %s cannot be reached", i))
		}
	}
	return nil
}

// UnderTest lists the clocks under test: the boundary clocks, or where there are none, the ordinary clocks.
func UnderTest(inv sut.Inventory) []sut.Instance { return underTest(inv) }
