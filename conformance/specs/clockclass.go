package specs

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"

	"github.com/ptplab/ptplab/conformance/pmc"
	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/conformance/wait"
)

func clockClassSpecs() []Spec {
	boundaries := func(inv sut.Inventory) []sut.Instance {
		return slices.DeleteFunc(underTest(inv), func(i sut.Instance) bool { return i.Type != sut.Boundary })
	}
	return []Spec{{
		Area:     AreaClockClass,
		Name:     "tells the class of a clock that only receives, and hears its grandmaster's",
		Modes:    []Mode{OC, DualFollower},
		Subjects: underTest,
		Check:    checkReceiverClass,
	}, {
		Area:     AreaClockClass,
		Name:     "passes on its grandmaster's clock class, and its own while it has no upstream link",
		Modes:    []Mode{BC},
		Subjects: boundaries,
		Check:    checkBoundaryClass,
	}, {
		Area:     AreaClockClass,
		Name:     "passes on its own clock class while it has no upstream link, and the other NIC the grandmaster's",
		Modes:    []Mode{DualNICBC, DualNICBCHA},
		Subjects: boundaries,
		Check:    checkBoundaryClass,
	}}
}

// Clock classes, IEEE 1588-2019 table 4.
const (
	classDefault      = 248 // of a clock that is nothing better
	classReceiverOnly = 255
)

// told is what a node tells of the clock class of one of its instances, and where the instance has it from.
type told struct {
	metric int       // openshift_ptp_clock_class
	state  pmc.State // with the class of the grandmaster in its parent data set
}

func (o told) String() string {
	return fmt.Sprintf("metric %d, gm.ClockClass %d of %s", o.metric, o.state.GrandmasterClass, o.state.GrandmasterIdentity)
}

// class asks a node and an instance of it for the clock class.
func (t *Test) class(ctx context.Context, i sut.Instance) (told, error) {
	set, err := t.scrape(ctx, i.Node)
	if err != nil {
		return told{}, err
	}
	class, err := set.ClockClass(i.Node, path.Base(i.Config))
	if err != nil {
		return told{}, err
	}
	state, err := pmc.ReadState(ctx, t.System, i)
	return told{class, state}, err
}

// checkReceiverClass compares what a clock that never transmits tells with what its grandmaster announces. Its own class is 255, which
// is what its node tells since version 4.21 of the operator; earlier it told the grandmaster's.
func checkReceiverClass(ctx context.Context, t *Test) error {
	if err := errors.Join(t.needSync(t.Subject), t.needPath(t.Subject)); err != nil {
		return err
	}
	if err := needConfig(t.Subject); err != nil {
		return err
	}
	grandmaster, err := t.grandmaster(ctx, t.Subject)
	if err != nil {
		return err
	}
	if err := needConfig(grandmaster); err != nil {
		return err
	}
	subject := fmt.Sprintf("%s to hear the clock class of grandmaster %s, and its node to tell that or %d", t.Subject, grandmaster, classReceiverOnly)
	_, err = t.until(ctx, subject, t.Settings.LockWithin, func(ctx context.Context) (bool, string, error) {
		best, err := pmc.ReadState(ctx, t.System, grandmaster)
		if err != nil {
			return false, "", err
		}
		here, err := t.class(ctx, t.Subject)
		if err != nil {
			return false, "", err
		}
		hears := here.state.GrandmasterClass == best.GrandmasterClass && here.state.GrandmasterIdentity == best.ClockIdentity
		return hears && (here.metric == classReceiverOnly || here.metric == best.GrandmasterClass),
			fmt.Sprintf("%s; the grandmaster, %s, announces %d", here, best.ClockIdentity, best.GrandmasterClass), nil
	})
	return lookAt(err, process(t.Subject), process(grandmaster))
}

// classCheck is what a check of a boundary clock's class compares with.
type classCheck struct {
	good   int            // class of the grandmaster
	own    int            // of the boundary clock without one
	id     string         // clockIdentity of the boundary clock
	behind []sut.Instance // who can take time only through it
	beside []sut.Instance // the other clocks under test
}

// checkBoundaryClass takes the upstream links of a boundary clock down and up. Its class must be the grandmaster's, its own, and the
// grandmaster's again: by its metric, by its parent data set and by those of the instances behind it. The other clocks under test
// keep the grandmaster's all the time.
func checkBoundaryClass(ctx context.Context, t *Test) error {
	if err := t.mayTakeDown(t.Subject, t.Subject.ReceivePorts...); err != nil {
		return err
	}
	if err := needConfig(t.Subject); err != nil {
		return err
	}
	if err := t.needSync(disturbed(t.Inventory, underTest(t.Inventory)...)...); err != nil {
		return err
	}
	if err := t.needPath(disturbed(t.Inventory, t.Subject)...); err != nil {
		return err
	}
	if err := t.startLocked(ctx, underTest(t.Inventory)...); err != nil {
		return err
	}
	restore, err := t.announceOwnClass(ctx)
	if err != nil {
		return err
	}
	c, err := t.classCheck(ctx)
	if err != nil {
		return err
	}
	if err := t.untilClass(ctx, "with its upstream link up", t.passesOn(c)); err != nil {
		return err
	}
	if err := t.setReceiveLinks(ctx, t.Subject, false); err != nil {
		return err
	}
	if err := t.untilClass(ctx, "after its upstream link was set down", t.passesOnOwn(c)); err != nil {
		return err
	}
	if err := t.setReceiveLinks(ctx, t.Subject, true); err != nil {
		return err
	}
	if err := t.untilClass(ctx, "after its upstream link was set up again", t.passesOn(c)); err != nil {
		return err
	}
	if err := restore(ctx); err != nil {
		return err
	}
	return t.untilAllLocked(ctx, "the check", disturbed(t.Inventory, underTest(t.Inventory)...)...)
}

// announceOwnClass makes the subject announce class 248 while it has no time transmitter: the configurations of the suite keep
// it from that (gmCapable 0). Where they cannot be changed, its own class is whatever it is.
func (t *Test) announceOwnClass(ctx context.Context) (restore func(context.Context) error, err error) {
	nothing := func(context.Context) error { return nil }
	c, ok := sut.As[sut.Configurer](t.System)
	if !ok || t.Subject.Object == "" {
		return nothing, nil
	}
	object, err := t.configNamed(ctx, t.Subject.Object)
	if err != nil {
		return nil, err
	}
	edited := object
	edited.Spec.Profile = slices.Clone(object.Spec.Profile)
	changed := false
	for n := range edited.Spec.Profile {
		p := &edited.Spec.Profile[n]
		if p.Ptp4lConf == nil || !isProfileOf(t.Subject, p.Name) {
			continue
		}
		conf := ptpconfig.Conf(*p.Ptp4lConf).Set(ptpconfig.Global, "gmCapable", "1").Set(ptpconfig.Global, "clockClass", fmt.Sprint(classDefault))
		changed = changed || string(conf) != *p.Ptp4lConf
		p.Ptp4lConf = new(string(conf))
	}
	if !changed {
		return nothing, nil
	}
	put := t.putBack(c, object)
	t.Cleanup("give "+t.Subject.String()+" its configuration back", put)
	if err := c.PutConfig(ctx, edited); err != nil {
		return nil, fmt.Errorf("let %s announce class %d: %w", t.Subject, classDefault, err)
	}
	restore = func(ctx context.Context) error {
		if err := put(ctx); err != nil {
			return err
		}
		return t.untilConfigured(ctx, "gmCapable", original(object, t.Subject))
	}
	return restore, t.untilConfigured(ctx, "gmCapable", "1")
}

// original is the option gmCapable of an instance in its object, "" if it is not there.
func original(object ptpconfig.PtpConfig, i sut.Instance) string {
	for _, p := range object.Spec.Profile {
		if p.Ptp4lConf != nil && isProfileOf(i, p.Name) {
			text, _ := ptpconfig.Conf(*p.Ptp4lConf).Get(ptpconfig.Global, "gmCapable")
			return text
		}
	}
	return ""
}

// untilConfigured waits until an option of the subject is in its configuration file and it runs with it.
func (t *Test) untilConfigured(ctx context.Context, key, want string) error {
	subject := fmt.Sprintf("%s of %s to be %q in %s, and it to be locked", key, t.Subject, want, t.Subject.Config)
	set := func(ctx context.Context) (bool, string, error) {
		file, err := t.configOf(ctx, t.Subject)
		if err != nil {
			return false, "", err
		}
		got, _ := file.Text.Get(ptpconfig.Global, key)
		return got == want, fmt.Sprintf("%s is %q", key, got), nil
	}
	_, err := t.until(ctx, subject, 2*t.Settings.LockWithin, both(set, t.lockedProbe(t.Subject)))
	return lookAt(err, "what the daemon of "+t.Subject.Node+" says of profile "+t.Subject.Profile)
}

// classCheck finds out what the classes should be.
func (t *Test) classCheck(ctx context.Context) (classCheck, error) {
	state, err := pmc.ReadState(ctx, t.System, t.Subject)
	if err != nil {
		return classCheck{}, err
	}
	own, err := t.ownClass(ctx, t.Subject)
	if err != nil {
		return classCheck{}, err
	}
	if own == state.GrandmasterClass {
		return classCheck{}, fmt.Errorf("%s hears class %d, which is its own: nothing can be told from it", t.Subject, own)
	}
	c := classCheck{good: state.GrandmasterClass, own: own, id: state.ClockIdentity}
	for _, i := range behind(t.Inventory, t.Subject) {
		if i.Config != "" {
			c.behind = append(c.behind, i)
		}
	}
	for _, i := range underTest(t.Inventory) {
		if i.Name != t.Subject.Name && i.Config != "" && !slices.ContainsFunc(c.behind, func(b sut.Instance) bool { return b.Name == i.Name }) {
			c.beside = append(c.beside, i)
		}
	}
	return c, nil
}

// ownClass is the clockClass of an instance itself: defaultDS, IEEE 1588-2019 8.2.1.
func (t *Test) ownClass(ctx context.Context, i sut.Instance) (int, error) {
	answers, err := pmc.Get(ctx, t.System, i, "DEFAULT_DATA_SET")
	if err != nil {
		return 0, err
	}
	text := answers["DEFAULT_DATA_SET"][0].Fields["clockClass"]
	class, err := strconv.ParseUint(text, 10, 8)
	if err != nil {
		return 0, fmt.Errorf("clockClass %q of %s: %w", text, i, err)
	}
	return int(class), nil
}

// untilClass waits until a probe of classes is satisfied.
func (t *Test) untilClass(ctx context.Context, when string, probe wait.Probe) error {
	took, err := t.until(ctx, fmt.Sprintf("the right clock classes of %s, those behind and those beside it, %s", t.Subject, when), t.Settings.LockWithin, probe)
	if err != nil {
		return lookAt(err, process(t.Subject), "what pmc -u -b 0 -f says there of PARENT_DATA_SET", "who else announces behind "+t.Subject.String())
	}
	t.measureSeconds("clock classes right "+when, took)
	return nil
}

// passesOn looks whether the subject, all behind and all beside it have the grandmaster's class.
func (t *Test) passesOn(c classCheck) wait.Probe {
	probes := []wait.Probe{t.toldProbe(t.Subject, c.good), t.besideProbe(c)}
	for _, i := range c.behind {
		probes = append(probes, named(i, func(ctx context.Context) (bool, string, error) {
			state, err := pmc.ReadState(ctx, t.System, i)
			return state.GrandmasterClass == c.good, fmt.Sprintf("gm.ClockClass %d, expected %d", state.GrandmasterClass, c.good), err
		}))
	}
	return both(probes...)
}

// passesOnOwn looks whether the subject has its own class, whoever follows it sees that one, and nobody behind it follows as good a
// grandmaster as before. One that does not follow so bad a clock is on its own, which is right; if it can only receive, its parent
// data set then keeps telling of the last one.
func (t *Test) passesOnOwn(c classCheck) wait.Probe {
	probes := []wait.Probe{t.toldProbe(t.Subject, c.own), t.besideProbe(c)}
	for _, i := range c.behind {
		probes = append(probes, named(i, func(ctx context.Context) (bool, string, error) {
			state, err := pmc.ReadState(ctx, t.System, i)
			if err != nil {
				return false, "", err
			}
			follows, err := t.follows(ctx, i)
			if err != nil || !follows {
				return err == nil, "follows nobody", err
			}
			seen := fmt.Sprintf("gm.ClockClass %d of %s", state.GrandmasterClass, state.GrandmasterIdentity)
			if state.GrandmasterIdentity == c.id {
				return state.GrandmasterClass == c.own, fmt.Sprintf("%s, expected %d", seen, c.own), err
			}
			return state.GrandmasterClass != c.good, seen + ", which there is none behind " + t.Subject.Name, err
		}))
	}
	return both(probes...)
}

// follows says whether an instance has a port that takes time from another.
func (t *Test) follows(ctx context.Context, i sut.Instance) (bool, error) {
	answers, err := pmc.Get(ctx, t.System, i, "PORT_DATA_SET")
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(answers["PORT_DATA_SET"], func(port pmc.Response) bool {
		state := port.Fields["portState"]
		return state == "SLAVE" || state == "UNCALIBRATED"
	}), nil
}

// besideProbe looks whether the other clocks under test still have the grandmaster's class.
func (t *Test) besideProbe(c classCheck) wait.Probe {
	var probes []wait.Probe
	for _, i := range c.beside {
		probes = append(probes, t.toldProbe(i, c.good))
	}
	return both(probes...)
}

// toldProbe looks whether metric and parent data set of an instance have a class.
func (t *Test) toldProbe(i sut.Instance, want int) wait.Probe {
	return named(i, func(ctx context.Context) (bool, string, error) {
		here, err := t.class(ctx, i)
		return here.metric == want && here.state.GrandmasterClass == want, fmt.Sprintf("%s, expected %d", here, want), err
	})
}
