package fake

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ptplab/ptplab/conformance/sut"
)

// Exec understands pmc, cat of a ptp4l configuration file, and the scripts of the sabotages.
func (w *World) Exec(ctx context.Context, node string, argv []string) (sut.Result, error) {
	switch {
	case argv[0] == "timeout" && len(argv) > 4:
		return w.Exec(ctx, node, argv[4:]) // -s KILL SECONDS
	case argv[0] == "pmc":
		return w.pmc(node, argv)
	case argv[0] == "phc_ctl" && len(argv) == 5:
		return w.step(node, argv[1], argv[4])
	case argv[0] == "sh" && len(argv) > 4 && argv[3] == "ptplab-configs":
		return w.configs(node), nil
	case argv[0] == "cat" && len(argv) == 2:
		return w.cat(node, argv[1])
	case argv[0] == "sh" && len(argv) > 4 && argv[3] == "ptplab-signal":
		return w.signal(node, argv[4], argv[5])
	case argv[0] == "sh" && len(argv) > 4 && argv[3] == "ptplab-impostor":
		return w.impostor(node, argv[4:])
	}
	return sut.Result{}, fmt.Errorf("exec on %s: no program %q", node, argv)
}

func (w *World) byConfig(node, config string) (sut.Instance, bool) {
	i := slices.IndexFunc(w.inventory.Instances, func(i sut.Instance) bool { return i.Node == node && i.Config == config })
	if i < 0 {
		return sut.Instance{}, false
	}
	return w.inventory.Instances[i], true
}

// pmc answers "pmc -u -b 0 -f CONFIG 'GET X' ..." in the words of linuxptp 4.2.
func (w *World) pmc(node string, argv []string) (sut.Result, error) {
	i, ok := w.byConfig(node, argv[5])
	if !ok {
		return sut.Result{Exit: 255, Stderr: "failed to open configuration file " + argv[5] + ": No such file or directory\n"}, nil
	}
	var result sut.Result
	for seq, command := range argv[6:] {
		result.Stdout += "sending: " + command + "\n"
		if !w.runs(i.Name) {
			continue
		}
		tlv := strings.TrimPrefix(command, "GET ")
		if tlv == "PORT_DATA_SET" {
			result.Stdout += w.portDataSets(i, seq)
			continue
		}
		result.Stdout += fmt.Sprintf("\t%s-0 seq %d RESPONSE MANAGEMENT %s \n%s", w.identity(i.Name), seq, tlv, w.dataSet(i, tlv))
	}
	return result, nil
}

func (w *World) dataSet(i sut.Instance, tlv string) string {
	parent, grandmaster, steps := w.place(i.Name)
	switch tlv {
	case "DEFAULT_DATA_SET":
		return fmt.Sprintf("\t\tclockClass              %d\n\t\tclockIdentity           %s\n\t\tdomainNumber            %d\n", w.ownClass(i.Name), w.identity(i.Name), w.domain(i.Name))
	case "CURRENT_DATA_SET":
		return fmt.Sprintf("\t\tstepsRemoved     %d\n\t\toffsetFromMaster 0.0\n\t\tmeanPathDelay    0.0\n", steps)
	case "PARENT_DATA_SET":
		return fmt.Sprintf("\t\tparentPortIdentity                    %s-1\n\t\tgm.ClockClass                         %d\n\t\tgrandmasterIdentity                   %s\n",
			parent, w.class(i.Name), grandmaster)
	}
	return ""
}

// portDataSets are those of all ports of an instance, without what nobody reads.
func (w *World) portDataSets(i sut.Instance, seq int) string {
	var text string
	for n, port := range append(slices.Clone(i.ReceivePorts), i.TransmitPorts...) {
		state := "MASTER"
		if slices.Contains(i.ReceivePorts, port) {
			state = w.role(i, port).String()
		}
		text += fmt.Sprintf("\t%s-%d seq %d RESPONSE MANAGEMENT PORT_DATA_SET \n\t\tportState               %s\n", w.identity(i.Name), n+1, seq, state)
	}
	return text
}

// step moves the clock behind an interface by a number of seconds.
func (w *World) step(node, iface, seconds string) (sut.Result, error) {
	i, err := w.owner(sut.PortRef{Node: node, Interface: iface})
	if err != nil {
		return sut.Result{Exit: 255, Stderr: iface + ": No such device\n"}, nil
	}
	s, err := strconv.ParseFloat(seconds, 64)
	if err != nil {
		return sut.Result{Exit: 254, Stderr: "no number: " + seconds + "\n"}, nil
	}
	w.clocks[i.Name].stepped += s * 1e9
	return sut.Result{}, nil
}

// place is where an instance is in the synchronization tree: identities of parent and grandmaster, and stepsRemoved.
func (w *World) place(name string) (parent, grandmaster string, steps int) {
	above := w.clocks[name].parent
	switch above {
	case "":
		return w.identity(name), w.identity(name), 0
	case w.impostorAt:
		return impostor, impostor, 1
	}
	_, grandmaster, steps = w.place(above)
	return w.identity(above), grandmaster, steps + 1
}

// identity is a clockIdentity made of the instance's number.
func (w *World) identity(name string) string {
	n := slices.IndexFunc(w.inventory.Instances, func(i sut.Instance) bool { return i.Name == name })
	return fmt.Sprintf("001122.fffe.33%04x", n+1)
}

func (w *World) cat(node, config string) (sut.Result, error) {
	i, ok := w.byConfig(node, config)
	if !ok {
		return sut.Result{Exit: 1, Stderr: "cat: " + config + ": No such file or directory\n"}, nil
	}
	conf, _ := w.conf(i)
	return sut.Result{Stdout: string(conf)}, nil
}

func (w *World) signal(node, signal, config string) (sut.Result, error) {
	i, ok := w.byConfig(node, config)
	if !ok {
		return sut.Result{Exit: 1}, nil
	}
	w.Stopped[i.Name] = signal == "STOP"
	return sut.Result{}, nil
}

// impostor starts or stops the impostor beside the transmit port that its configuration names.
func (w *World) impostor(node string, args []string) (sut.Result, error) {
	w.impostorAt = ""
	if args[0] != "start" {
		return sut.Result{}, nil
	}
	for _, i := range w.inventory.Instances {
		if i.Node == node && slices.ContainsFunc(i.TransmitPorts, func(p string) bool { return strings.Contains(args[2], "["+p+"]") }) {
			w.impostorAt = i.Name
		}
	}
	return sut.Result{}, nil
}
