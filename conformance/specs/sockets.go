package specs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"

	"github.com/ptplab/ptplab/conformance/metrics"
	"github.com/ptplab/ptplab/conformance/pmc"
	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
)

func socketsSpecs() []Spec {
	return []Spec{{
		Area:     AreaSockets,
		Name:     "answers pmc on its node, and as its metrics say",
		Subjects: underTest,
		Check:    checkAnswers,
	}, {
		Area:     AreaSockets,
		Name:     "refuses pmc without privileges",
		Needs:    []Need{NeedUnprivileged},
		Subjects: underTest,
		Check:    checkRefuses,
	}}
}

// checkAnswers asks the subject's ptp4l for its data sets through its socket and compares them with the metrics of its node.
func checkAnswers(ctx context.Context, t *Test) error {
	if err := needConfig(t.Subject); err != nil {
		return err
	}
	if err := t.needSync(t.Subject); err != nil {
		return err
	}
	subject := fmt.Sprintf("ptp4l of %s to answer pmc as its metrics say", t.Subject)
	err := t.soon(ctx, subject, func(ctx context.Context) error {
		answers, err := pmc.Get(ctx, t.System, t.Subject, "CURRENT_DATA_SET", "PARENT_DATA_SET", "DEFAULT_DATA_SET", "PORT_DATA_SET")
		if err != nil {
			return err
		}
		set, err := t.scrape(ctx, t.Subject.Node)
		if err != nil {
			return err
		}
		file, err := t.configOf(ctx, t.Subject)
		if err != nil {
			return err
		}
		return errors.Join(t.agreesOnTime(answers["CURRENT_DATA_SET"][0], set), agreesOnParent(answers, set, t.Subject),
			agreesOnPorts(answers["PORT_DATA_SET"], file.Text.Interfaces(), set, t.Subject))
	})
	return lookAt(err, process(t.Subject), "the socket beside "+t.Subject.Config)
}

// agreesOnTime compares offsetFromMaster and meanPathDelay, IEEE 1588-2019 8.2.2, with the metrics. Both change between two looks,
// within a part of what the offset may be.
func (t *Test) agreesOnTime(current pmc.Response, set metrics.Set) error {
	active, err := activePort(set, t.Subject)
	if err != nil {
		return err
	}
	const parts = 4
	near := (t.Settings.MaxOffset - t.Settings.MinOffset) / parts
	var faults []error
	for _, pair := range [][2]string{{"offsetFromMaster", "offset_ns"}, {"meanPathDelay", "delay_ns"}} {
		field, metric := pair[0], pair[1]
		told, err := set.OfClock(metrics.Prefix+metric, "ptp4l", t.Subject.Node, active, map[string]string{"from": "master"})
		if err != nil {
			faults = append(faults, err)
			continue
		}
		asked, err := strconv.ParseFloat(current.Fields[field], 64)
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("%s: %s %q is no number", current.TLV, field, current.Fields[field]))
		case !(math.Abs(asked-told) <= near):
			faults = append(faults, fmt.Errorf("%s is %g ns by pmc, %g ns by the metric %s", field, asked, told, metrics.Prefix+metric))
		}
	}
	return errors.Join(faults...)
}

// agreesOnParent sees a locked clock follow another, and its clockClass in the metrics be the grandmaster's; clocks that can only be
// time receivers have 255 there since linuxptp-daemon of 4.21.
func agreesOnParent(answers map[string][]pmc.Response, set metrics.Set, i sut.Instance) error {
	parent := answers["PARENT_DATA_SET"][0].Fields
	own := answers["DEFAULT_DATA_SET"][0].Fields["clockIdentity"]
	if strings.HasPrefix(parent["parentPortIdentity"], own+"-") || parent["grandmasterIdentity"] == own {
		return fmt.Errorf("PARENT_DATA_SET: %s follows itself, parentPortIdentity %s", i, parent["parentPortIdentity"])
	}
	told, err := set.ClockClass(i.Node, path.Base(i.Config))
	if err != nil {
		return err
	}
	const receiverOnly = 255
	if asked := parent["gm.ClockClass"]; strconv.Itoa(told) != asked && !(told == receiverOnly && i.Type == sut.Ordinary) {
		return fmt.Errorf("gm.ClockClass is %s by pmc, %d by the metric %sclock_class", asked, told, metrics.Prefix)
	}
	return nil
}

// agreesOnPorts compares portState, IEEE 1588-2019 8.2.15.3, with the metric of each port. The answers are in the order of the
// configuration file's sections.
func agreesOnPorts(answers []pmc.Response, names []string, set metrics.Set, i sut.Instance) error {
	if len(answers) != len(names) {
		return fmt.Errorf("pmc tells of %d ports, the configuration file of %s", len(answers), strings.Join(names, ", "))
	}
	var faults []error
	for _, answer := range answers {
		_, number, _ := strings.Cut(answer.Port, "-")
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 || n > len(names) {
			faults = append(faults, fmt.Errorf("PORT_DATA_SET of %s, which is none of %d ports", answer.Port, len(names)))
			continue
		}
		role, err := set.Role(i.Node, names[n-1])
		if asked := strings.TrimPrefix(answer.Fields["portState"], "GRAND_"); err == nil && role.String() != asked {
			err = fmt.Errorf("port %s is %s by pmc, %s by the metric %sinterface_role", names[n-1], asked, role, metrics.Prefix)
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// askScript asks for a data set as somebody would who was let into the node's /var/run: with the configuration file ($1), and from
// a socket of its own at ptp4l's ($2). It says whether the socket may be written to.
const askScript = `
timeout -s KILL 5 pmc -u -b 0 -f "$1" 'GET CURRENT_DATA_SET' 2>&1
mine=$(mktemp -d) || exit 9
timeout -s KILL 5 pmc -u -b 0 -i "$mine/pmc" -s "$2" 'GET CURRENT_DATA_SET' 2>&1
rm -rf "$mine"
[ -w "$2" ] && echo writable
exit 0`

// checkRefuses lets an ordinary user try what root can: it must be told that it may not. That nothing answers is not
// enough.
func checkRefuses(ctx context.Context, t *Test) error {
	if err := needConfig(t.Subject); err != nil {
		return err
	}
	user, ok := sut.As[sut.Unprivileged](t.System)
	if !ok {
		return Skipped("nothing runs without privileges on the nodes of this system")
	}
	file, err := t.configOf(ctx, t.Subject)
	if err != nil {
		return err
	}
	socket, ok := file.Text.Get(ptpconfig.Global, "uds_address")
	if !ok {
		socket = "/var/run/ptp4l"
	}
	argv := []string{"sh", "-c", askScript, "ptplab-ask", t.Subject.Config, socket}
	// Root must get an answer, or that others get none would say nothing.
	asRoot, err := t.System.Exec(ctx, t.Subject.Node, argv)
	if err != nil {
		return fmt.Errorf("ask %s as root: %w", t.Subject, err)
	}
	if !strings.Contains(asRoot.Stdout, "offsetFromMaster") {
		return lookAt(fmt.Errorf("ptp4l of %s does not answer root: %s", t.Subject, strings.TrimSpace(asRoot.Stdout)), process(t.Subject))
	}
	asUser, err := user.ExecUnprivileged(ctx, t.Subject.Node, argv)
	if err != nil {
		return fmt.Errorf("ask %s without privileges: %w", t.Subject, err)
	}
	return lookAt(refused(asUser, socket), "owner and mode of "+socket+" on "+t.Subject.Node)
}

// refused says in what way an ordinary user was not refused.
func refused(r sut.Result, socket string) error {
	text := strings.TrimSpace(r.Stdout)
	switch {
	case r.Exit != 0:
		return fmt.Errorf("the attempt without privileges could not be made: exit status %d: %s%s", r.Exit, text, r.Stderr)
	case strings.Contains(text, "offsetFromMaster"):
		return fmt.Errorf("ptp4l answers a user without privileges at %s: %s", socket, text)
	case strings.Contains(text, "writable"):
		return fmt.Errorf("a user without privileges may write to %s: %s", socket, text)
	case !strings.Contains(text, "Permission denied"):
		return fmt.Errorf("a user without privileges is not told that the permission is denied, but: %s", text)
	}
	return nil
}
