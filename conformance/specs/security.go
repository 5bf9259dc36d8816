package specs

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/pmc"
	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/conformance/wait"
)

func securitySpecs() []Spec {
	return slices.Concat([]Spec{{
		Area:     AreaSecurity,
		Name:     "believes only an upstream with the same keys",
		Needs:    []Need{NeedConfigure, NeedSecrets},
		Subjects: firstConfigured,
		Check:    checkKeys,
	}}, securityMountsSpecs())
}

// How long a clock with other keys is watched, and the first linuxptp that knows AUTHENTICATION TLVs (options sa_file, spp).
const (
	mistrustFor  = 10 * time.Second
	signingMajor = 4
	signingMinor = 4
)

// ours and theirs are the two sets of keys.
func ours() *ptpconfig.Authentication {
	return &ptpconfig.Authentication{Secret: "ptplab-security", File: "keys.conf", SPP: 1, ActiveKey: 1}
}

func theirs() *ptpconfig.Authentication {
	return &ptpconfig.Authentication{Secret: "ptplab-security-mismatch", File: "keys.conf", SPP: 1, ActiveKey: 1}
}

// checkKeys lets the subject and the clock that it hears sign their messages, IEEE 1588-2019 16.14. A ptp4l with spp set drops what is
// not signed or signed with another key; one without takes anything. So the last hop is enough, and the one place
// where both ends may be the suite's: a switch that is a boundary clock drops the grandmaster's signatures.
func checkKeys(ctx context.Context, t *Test) error {
	if err := t.needSync(receivers(t.Inventory)...); err != nil {
		return err
	}
	hop, err := t.lastHop(ctx)
	if err != nil {
		return err
	}
	if err := hop.keys(ctx); err != nil {
		return err
	}
	if err := hop.sign(ctx, ours()); err != nil {
		return err
	}
	if err := hop.signUpstreams(ctx); err != nil {
		return err
	}
	if err := hop.untilBelieves(ctx, "with the keys of its upstream"); err != nil {
		return err
	}
	if err := hop.sign(ctx, theirs()); err != nil {
		return err
	}
	if err := hop.disbelieves(ctx); err != nil {
		return err
	}
	if err := hop.sign(ctx, ours()); err != nil {
		return err
	}
	if err := hop.untilBelieves(ctx, "with the keys of its upstream again"); err != nil {
		return err
	}
	if err := hop.undo(ctx); err != nil {
		return err
	}
	return t.allLocked(ctx)
}

// lastHop is the subject and the clocks that it hears.
type lastHop struct {
	*Test
	subject   *edit
	upstreams []upstream
	text      string // of the keys that both have
}

// upstream is a clock that the subject hears.
type upstream struct {
	sut.Instance
	ports []string // towards the subject
	edit  *edit    // nil for a clock of the network, whose file is changed where it is
}

// lastHop finds what to configure. Where the suite can configure only one end, the check is skipped.
func (t *Test) lastHop(ctx context.Context) (*lastHop, error) {
	h := &lastHop{Test: t}
	var err error
	if h.subject, err = t.editable(ctx, t.Subject); err != nil {
		return nil, err
	}
	if err := t.signs(ctx, t.Subject); err != nil {
		return nil, err
	}
	for _, name := range t.Subject.Upstream {
		i, ok := t.Inventory.Instance(name)
		if !ok || i.Config == "" {
			return nil, Skipped(fmt.Sprintf("%s takes its time from %s, which the suite cannot give keys", t.Subject, name))
		}
		if err := t.signs(ctx, i); err != nil {
			return nil, err
		}
		up := upstream{Instance: i, ports: t.towards(i, t.Subject)}
		if !i.InSwitch {
			if up.edit, err = t.editable(ctx, i); err != nil {
				return nil, err
			}
		}
		h.upstreams = append(h.upstreams, up)
	}
	if len(h.upstreams) == 0 {
		return nil, Skipped(fmt.Sprintf("not known what %s is cabled to", t.Subject))
	}
	return h, nil
}

// signs skips the check if the ptp4l of an instance's node does not know keys.
func (t *Test) signs(ctx context.Context, i sut.Instance) error {
	result, err := t.System.Exec(ctx, i.Node, []string{"ptp4l", "-v"})
	if err != nil {
		return Skipped(fmt.Sprintf("the version of ptp4l on %s is not known: %s", i.Node, err))
	}
	version := strings.TrimSpace(result.Stdout + result.Stderr)
	if !canSign(version) {
		return Skipped(fmt.Sprintf("linuxptp %s on %s does not know AUTHENTICATION TLVs; it takes %d.%d", version, i.Node, signingMajor, signingMinor))
	}
	return nil
}

// canSign reads a version such as "4.4" or "4.4-00012-gabcdef0".
func canSign(version string) bool {
	major, rest, _ := strings.Cut(version, ".")
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		rest = rest[:end]
	}
	high, err1 := strconv.Atoi(major)
	low, err2 := strconv.Atoi(rest)
	return err1 == nil && err2 == nil && (high > signingMajor || high == signingMajor && low >= signingMinor)
}

// towards lists the transmit ports of an instance that are cabled to receive ports of another; all of them, if that is not
// known.
func (t *Test) towards(from, to sut.Instance) []string {
	var ports []string
	for _, p := range t.Inventory.Ports {
		if p.Node == from.Node && slices.Contains(from.TransmitPorts, p.Interface) && p.Peer.Node == to.Node && slices.Contains(to.ReceivePorts, p.Peer.Interface) {
			ports = append(ports, p.Interface)
		}
	}
	if len(ports) == 0 {
		return from.TransmitPorts
	}
	return ports
}

// keys makes the two secrets.
func (h *lastHop) keys(ctx context.Context) error {
	keeper, ok := sut.As[sut.SecretKeeper](h.System)
	if !ok {
		return Skipped("this system mounts no secrets into its nodes")
	}
	for _, a := range []*ptpconfig.Authentication{ours(), theirs()} {
		secret, err := a.NewSecret(nil)
		if err != nil {
			return err
		}
		if h.text == "" {
			h.text = secret.StringData[a.File]
		}
		h.Cleanup("delete secret "+a.Secret, func(ctx context.Context) error { return keeper.DeleteSecret(ctx, a.Secret) })
		if err := keeper.PutSecret(ctx, secret); err != nil {
			return fmt.Errorf("put secret %s: %w", a.Secret, err)
		}
	}
	return nil
}

// sign gives the subject keys on its receive ports.
func (h *lastHop) sign(ctx context.Context, a *ptpconfig.Authentication) error {
	err := h.subject.put(ctx, func(p *ptpconfig.Profile) { signed(p, a.Path(), a, h.Subject.ReceivePorts) })
	if err != nil {
		return err
	}
	return h.untilHas(ctx, h.Subject, a.Path())
}

// signed has the ports of a profile sign with a key. The section [global] has none, so that pmc goes without.
func signed(p *ptpconfig.Profile, file string, a *ptpconfig.Authentication, ports []string) {
	var conf ptpconfig.Conf
	if p.Ptp4lConf != nil {
		conf = ptpconfig.Conf(*p.Ptp4lConf)
	}
	text := string(withKeys(conf, file, a, ports))
	p.Ptp4lConf = &text
}

func withKeys(conf ptpconfig.Conf, file string, a *ptpconfig.Authentication, ports []string) ptpconfig.Conf {
	conf = conf.Set(ptpconfig.Global, "sa_file", file).Set(ptpconfig.Global, "spp", "-1")
	for _, port := range ports {
		conf = conf.Set(port, "spp", strconv.Itoa(int(a.SPP))).Set(port, "active_key_id", strconv.FormatUint(uint64(a.ActiveKey), 10))
	}
	return conf
}

// untilHas waits until an instance runs with a file of keys.
func (h *lastHop) untilHas(ctx context.Context, i sut.Instance, file string) error {
	_, err := h.until(ctx, fmt.Sprintf("ptp4l of %s to be configured with %s", i, file), h.Settings.LockWithin, func(ctx context.Context) (bool, string, error) {
		config, err := h.configOf(ctx, i)
		if err != nil {
			return false, "", err
		}
		has, _ := config.Text.Get(ptpconfig.Global, "sa_file")
		return has == file, fmt.Sprintf("sa_file %q", has), nil
	})
	return lookAt(err, process(i), "the daemon of "+i.Node)
}

// networkScript writes keys ($3) beside the configuration file ($1) of a clock of the network, and a configuration ($2) in its
// place. The old one stays beside it. Then it ends the program, which its supervisor starts again.
const networkScript = `
[ -e "$1.ptplab" ] || cp "$1" "$1.ptplab" || exit 1
printf '%s' "$3" >"$1.keys" && printf '%s' "$2" >"$1"`

// backScript undoes networkScript.
const backScript = `
[ ! -e "$1.ptplab" ] || mv "$1.ptplab" "$1" || exit 1
rm -f "$1.keys"`

// signUpstreams gives the upstreams the same keys on the ports towards the subject.
func (h *lastHop) signUpstreams(ctx context.Context) error {
	for _, up := range h.upstreams {
		if up.edit == nil {
			if err := h.signNetwork(ctx, up); err != nil {
				return fmt.Errorf("give %s keys: %w", up.Instance, err)
			}
			continue
		}
		a := ours()
		if err := up.edit.put(ctx, func(p *ptpconfig.Profile) { signed(p, a.Path(), a, up.ports) }); err != nil {
			return err
		}
		if err := h.untilHas(ctx, up.Instance, a.Path()); err != nil {
			return err
		}
	}
	return nil
}

// signNetwork changes the configuration of a clock of the network where it is.
func (h *lastHop) signNetwork(ctx context.Context, up upstream) error {
	config, err := h.configOf(ctx, up.Instance)
	if err != nil {
		return err
	}
	h.Cleanup("take the keys from "+up.String(), func(ctx context.Context) error { return h.unsignNetwork(ctx, up) })
	text := withKeys(config.Text, up.Config+".keys", ours(), up.ports)
	if err := h.shell(ctx, up.Node, networkScript, up.Config, string(text), h.text); err != nil {
		return err
	}
	return h.anew(ctx, up.Instance)
}

// unsignNetwork puts the configuration of a clock of the network back, if it was changed.
func (h *lastHop) unsignNetwork(ctx context.Context, up upstream) error {
	config, err := h.configOf(ctx, up.Instance)
	if err != nil {
		return err
	}
	if _, changed := config.Text.Get(ptpconfig.Global, "sa_file"); !changed {
		return nil
	}
	if err := h.shell(ctx, up.Node, backScript, up.Config); err != nil {
		return err
	}
	return h.anew(ctx, up.Instance)
}

// anew ends the ptp4l of an instance and waits until it is started again.
func (h *lastHop) anew(ctx context.Context, i sut.Instance) error {
	find := func(ctx context.Context) (running, error) {
		all, err := h.processes(ctx, i.Node)
		if err != nil {
			return running{}, err
		}
		return one(all, i.Node, i.Config)
	}
	old, err := find(ctx)
	if err != nil {
		return err
	}
	if err := h.kill(ctx, i.Node, old, "TERM"); err != nil {
		return err
	}
	_, err = h.until(ctx, "ptp4l of "+i.String()+" to be started again", h.Settings.LockWithin, func(ctx context.Context) (bool, string, error) {
		now, err := find(ctx)
		return err == nil && now.PID != old.PID, fmt.Sprintf("process %d, before %d", now.PID, old.PID), err
	})
	return err
}

// shell runs a script on a node; it must succeed.
func (t *Test) shell(ctx context.Context, node, script string, args ...string) error {
	result, err := t.System.Exec(ctx, node, append([]string{"sh", "-c", script, "ptplab-shell"}, args...))
	if err == nil && result.Exit != 0 {
		err = fmt.Errorf("exit status %d: %s", result.Exit, strings.TrimSpace(result.Stderr))
	}
	return err
}

// untilBelieves waits until the subject is locked.
func (h *lastHop) untilBelieves(ctx context.Context, what string) error {
	if _, err := h.untilLocked(ctx, h.Subject); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// disbelieves sees the subject, whose keys are not its upstream's, follow nobody, and stay so for a time.
func (h *lastHop) disbelieves(ctx context.Context) error {
	subject := fmt.Sprintf("%s to follow nobody for %s with other keys than its upstream's", h.Subject, mistrustFor)
	_, err := h.until(ctx, subject, h.Settings.LockWithin, wait.Holding(h.System, mistrustFor, func(ctx context.Context) (bool, string, error) {
		state, err := pmc.ReadState(ctx, h.System, h.Subject)
		if err != nil {
			return false, "", err
		}
		if state.ParentIdentity != state.ClockIdentity {
			return false, "it follows " + state.ParentIdentity, nil
		}
		set, err := h.scrape(ctx, h.Subject.Node)
		if err != nil {
			return false, "", err
		}
		if active, err := activePort(set, h.Subject); err == nil {
			return false, active + " is SLAVE", nil
		}
		return true, "it follows itself", nil
	}))
	return lookAt(err, process(h.Subject), "the file "+path.Clean(theirs().Path())+" on "+h.Subject.Node)
}

// undo takes all keys away again.
func (h *lastHop) undo(ctx context.Context) error {
	faults := []error{h.subject.restore(ctx)}
	for _, up := range h.upstreams {
		if up.edit == nil {
			faults = append(faults, h.unsignNetwork(ctx, up))
		} else {
			faults = append(faults, up.edit.restore(ctx))
		}
	}
	return errors.Join(faults...)
}
