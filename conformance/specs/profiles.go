package specs

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/ptplab/ptplab/conformance/pmc"
	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/conformance/wait"
)

func profilesSpecs() []Spec {
	return []Spec{{
		Area:  AreaProfiles,
		Name:  "an invalid PtpConfig is refused and changes nothing",
		Needs: []Need{NeedConfigure},
		Check: checkInvalid,
	}, {
		Area:  AreaProfiles,
		Name:  "underscores in the names of haProfiles are accepted",
		Modes: []Mode{DualNICBCHA},
		Needs: []Need{NeedConfigure},
		Check: checkUnderscores,
	}, {
		Area:  AreaProfiles,
		Name:  "a profile runs on a node only while the node has its label",
		Needs: []Need{NeedConfigure, NeedLogs},
		Check: checkLabel,
	}, {
		Area:  AreaProfiles,
		Name:  "a profile of higher priority replaces the clock under test until it is deleted",
		Needs: []Need{NeedConfigure, NeedLogs},
		Check: checkPriority,
	}}
}

// standIn is an object that does on the node under test what others do there, and would win against them.
type standIn struct {
	object  ptpconfig.PtpConfig
	subject sut.Instance      // a clock under test
	ptp4l   []string          // its profiles that have a ptp4l
	before  map[string]string // which profile each configuration file had
	objects []string          // the names of the objects that apply to the node
	clocks  []sut.Instance    // all that are disturbed
}

// The names of what the specs make. A node has the label only during a check.
const (
	standInName   = "ptplab-stand-in"
	standInLabel  = "ptp/ptplab-stand-in"
	standInSuffix = "-stand-in"
)

// newStandIn copies all profiles that run on the node of the clock under test: with a lower priority number than theirs, the copies
// replace them, and whatever follows the clocks of the node need not notice more than a new start.
func (t *Test) newStandIn(ctx context.Context, match func(node string) ptpconfig.Match) (*standIn, error) {
	clocks := underTest(t.Inventory)
	if len(clocks) == 0 {
		return nil, Skipped("there is no clock under test")
	}
	s := &standIn{subject: clocks[0]}
	if err := needConfig(s.subject); err != nil {
		return nil, err
	}
	var onNode []sut.Instance
	for _, i := range t.Inventory.Instances {
		if i.Node == s.subject.Node {
			onNode = append(onNode, i)
		}
	}
	s.clocks = disturbed(t.Inventory, onNode...)
	if err := t.needSync(s.clocks...); err != nil {
		return nil, err
	}
	objects, err := t.objectsOf(ctx, s.subject.Node)
	if err != nil {
		return nil, err
	}
	if err := s.copy(objects, match(s.subject.Node)); err != nil {
		return nil, err
	}
	s.before, err = t.profilesOn(ctx, s.subject)
	return s, err
}

// objectsOf are the objects that a node runs, with nothing but what applies there.
func (t *Test) objectsOf(ctx context.Context, node string) ([]ptpconfig.PtpConfig, error) {
	c, err := t.configurer()
	if err != nil {
		return nil, err
	}
	all, err := c.Configs(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the PtpConfigs: %w", err)
	}
	labels, err := c.Labels(ctx, node)
	if err != nil {
		return nil, fmt.Errorf("list the labels of %s: %w", node, err)
	}
	return ptpconfig.ForNode(all, node, labels), nil
}

// copy makes the object.
func (s *standIn) copy(objects []ptpconfig.PtpConfig, match ptpconfig.Match) error {
	if len(objects) == 0 {
		return Skipped(fmt.Sprintf("no PtpConfig applies to %s", s.subject.Node))
	}
	if objects[0].Spec.Recommend[0].Priority <= 0 {
		return Skipped("the profiles of the clock under test have priority 0, which nothing can beat")
	}
	s.object = ptpconfig.PtpConfig{
		APIVersion: ptpconfig.APIVersion, Kind: ptpconfig.Kind,
		Metadata: ptpconfig.Metadata{Name: standInName, Namespace: ptpconfig.Namespace},
	}
	for _, o := range objects {
		s.objects = append(s.objects, o.Metadata.Name)
		for _, p := range o.Spec.Profile {
			p.Name += standInSuffix
			if slices.ContainsFunc(s.object.Spec.Profile, func(q ptpconfig.Profile) bool { return q.Name == p.Name }) {
				return Skipped(fmt.Sprintf("two profiles on %s are called %s", s.subject.Node, strings.TrimSuffix(p.Name, standInSuffix)))
			}
			p.PtpSettings = maps.Clone(p.PtpSettings)
			for _, key := range []string{"haProfiles", "controllingProfile"} {
				if list, found := p.PtpSettings[key]; found {
					p.PtpSettings[key] = renamed(list, objects)
				}
			}
			if p.Ptp4lOpts != nil && *p.Ptp4lOpts != "" {
				s.ptp4l = append(s.ptp4l, p.Name)
			}
			s.object.Spec.Profile = append(s.object.Spec.Profile, p)
			s.object.Spec.Recommend = append(s.object.Spec.Recommend, ptpconfig.Recommend{Profile: p.Name, Priority: 0, Match: []ptpconfig.Match{match}})
		}
	}
	return nil
}

// renamed gives the names of the copies for a list of profile names, qualified or not.
func renamed(list string, objects []ptpconfig.PtpConfig) string {
	var all []string
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		for _, o := range objects {
			for _, p := range o.Spec.Profile {
				if name == o.Metadata.Name+"_"+p.Name {
					name = p.Name
				}
			}
		}
		all = append(all, name+standInSuffix)
	}
	return strings.Join(all, ",")
}

// profilesOn says which profile each configuration file on the node of an instance has.
func (t *Test) profilesOn(ctx context.Context, i sut.Instance) (map[string]string, error) {
	files, err := t.configFiles(ctx, i.Node, path.Dir(i.Config))
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, f := range files {
		found[f.Name] = f.Profile
	}
	return found, nil
}

// isCopy says whether a name, qualified or not, is that of a profile of the object.
func (s *standIn) isCopy(name string) bool {
	return slices.ContainsFunc(s.object.Spec.Profile, func(p ptpconfig.Profile) bool { return name == p.Name || name == standInName+"_"+p.Name })
}

// runsProbe looks whether exactly the copies run on the node, or exactly what ran before.
func (t *Test) runsProbe(s *standIn, copies bool) wait.Probe {
	return func(ctx context.Context) (bool, string, error) {
		now, err := t.profilesOn(ctx, s.subject)
		if err != nil {
			return false, "", err
		}
		seen := "the files are of " + profileList(now)
		if !copies {
			was, is := slices.Sorted(maps.Values(s.before)), slices.Sorted(maps.Values(now))
			return slices.Equal(was, is), seen, nil
		}
		ptp4l, others := 0, 0
		for file, profile := range now {
			if strings.HasPrefix(file, "ptp4l.") {
				ptp4l++
			}
			if !s.isCopy(profile) {
				others++
			}
		}
		return others == 0 && ptp4l == len(s.ptp4l), seen, nil
	}
}

// sameFiles sees to it that each profile has the file again that it had before, as the suite and whoever reads metrics by config know it.
// linuxptp-daemon numbers the files anew with each change; a node that gives the lowest free numbers instead gets the objects again,
// one after the other.
func (t *Test) sameFiles(ctx context.Context, s *standIn) error {
	now, err := t.profilesOn(ctx, s.subject)
	if err != nil || maps.Equal(now, s.before) {
		return err
	}
	c, err := t.configurer()
	if err != nil {
		return err
	}
	var objects []ptpconfig.PtpConfig
	for _, name := range s.objects {
		object, err := t.configNamed(ctx, name)
		if err != nil {
			return err
		}
		objects = append(objects, object)
	}
	slices.SortStableFunc(objects, func(a, b ptpconfig.PtpConfig) int { return s.number(a) - s.number(b) })
	var again []func(context.Context) error
	for _, o := range objects {
		put := t.putBack(c, o)
		again = append(again, put)
		t.Cleanup("create PtpConfig "+o.Metadata.Name+" again", put)
		if err := c.DeleteConfig(ctx, o.Metadata.Name); err != nil {
			return fmt.Errorf("delete PtpConfig %s: %w", o.Metadata.Name, err)
		}
	}
	for _, put := range again {
		if err := put(ctx); err != nil {
			return err
		}
	}
	_, err = t.until(ctx, "each profile of "+s.subject.Node+" to have its file of before, "+profileList(s.before), t.Settings.LockWithin,
		func(ctx context.Context) (bool, string, error) {
			now, err := t.profilesOn(ctx, s.subject)
			return maps.Equal(now, s.before), "there are " + profileList(now), err
		})
	return err
}

// number is the N of the file that a profile of an object had, ptp4l.N.config; -1 if none had one.
func (s *standIn) number(o ptpconfig.PtpConfig) int {
	for _, p := range o.Spec.Profile {
		for file, profile := range s.before {
			if profile != p.Name && profile != o.Metadata.Name+"_"+p.Name {
				continue
			}
			if parts := strings.Split(file, "."); len(parts) == 3 {
				if n, err := strconv.Atoi(parts[1]); err == nil {
					return n
				}
			}
		}
	}
	return -1
}

// profileList is "ptp4l.0.config: bc1, ptp4l.1.config: bc2".
func profileList(profiles map[string]string) string {
	var all []string
	for _, file := range slices.Sorted(maps.Keys(profiles)) {
		all = append(all, file+": "+profiles[file])
	}
	return strings.Join(all, ", ")
}

// loggedProbe looks whether the daemon has said since an instant that it applies the profile of the clock under test, or its copy.
func (t *Test) loggedProbe(ctx context.Context, s *standIn, copies bool) (wait.Probe, error) {
	since, err := t.System.Now(ctx)
	name := strings.TrimPrefix(s.subject.Profile, s.subject.Object+"_")
	object := s.subject.Object
	if copies {
		name, object = name+standInSuffix, standInName
	}
	return func(ctx context.Context) (bool, string, error) {
		lines, err := t.logs(ctx, s.subject.Node, "", since)
		if err != nil {
			return false, "", err
		}
		for _, l := range lines {
			if _, said, ok := strings.Cut(l.Text, "Profile Name: "); ok {
				if said = strings.TrimSpace(said); said == name || said == object+"_"+name {
					return true, "", nil
				}
			}
		}
		return false, fmt.Sprintf("the daemon has not said \"Profile Name: %s\"", name), nil
	}, err
}

// exchanged waits until the copies have replaced what ran, or the other way.
func (t *Test) exchanged(ctx context.Context, s *standIn, logged wait.Probe, copies bool, after string) error {
	subject := fmt.Sprintf("the profiles before to run on %s again", s.subject.Node)
	if copies {
		subject = fmt.Sprintf("the profiles of PtpConfig %s, and no others, to run on %s", standInName, s.subject.Node)
	}
	took, err := t.until(ctx, subject+" after "+after, 2*t.Settings.LockWithin, both(t.runsProbe(s, copies), logged))
	if err != nil {
		return lookAt(err, "what the daemon of "+s.subject.Node+" says of its profiles", "PtpConfig "+standInName+" and the labels of "+s.subject.Node)
	}
	t.measureSeconds(after+" until it ran", took)
	if !copies {
		return t.sameFiles(ctx, s)
	}
	return nil
}

// put creates the object; it is deleted after the check in any case.
func (t *Test) put(ctx context.Context, s *standIn) (sut.Configurer, error) {
	c, err := t.configurer()
	if err != nil {
		return nil, err
	}
	t.Cleanup("give each profile of "+s.subject.Node+" the file that it had", func(ctx context.Context) error {
		if _, err := t.until(ctx, "the profiles before to run on "+s.subject.Node+" again", t.Settings.LockWithin, t.runsProbe(s, false)); err != nil {
			return err
		}
		return t.sameFiles(ctx, s)
	})
	t.Cleanup("delete PtpConfig "+standInName, func(ctx context.Context) error { return c.DeleteConfig(ctx, standInName) })
	if err := c.PutConfig(ctx, s.object); err != nil {
		return nil, fmt.Errorf("create PtpConfig %s: %w", standInName, err)
	}
	return c, nil
}

// checkLabel creates an object that would replace the clock under test on a node with a label. Nothing must happen until the node
// has the label, and all be as before when it no longer has.
func checkLabel(ctx context.Context, t *Test) error {
	s, err := t.newStandIn(ctx, func(string) ptpconfig.Match { return ptpconfig.Match{NodeLabel: standInLabel} })
	if err != nil {
		return err
	}
	c, err := t.put(ctx, s)
	if err != nil {
		return err
	}
	subject := fmt.Sprintf("%s, which has no label %s, not to run PtpConfig %s", s.subject.Node, standInLabel, standInName)
	if err := t.stays(ctx, subject, 2*t.Settings.Poll, t.Settings.Poll, t.runsProbe(s, false)); err != nil {
		return lookAt(err, "the labels of "+s.subject.Node)
	}
	t.Cleanup("take label "+standInLabel+" from "+s.subject.Node, func(ctx context.Context) error {
		return c.SetLabel(ctx, s.subject.Node, standInLabel, false)
	})
	for _, present := range []bool{true, false} {
		after := "the label was put on the node"
		if !present {
			after = "the label was taken from the node"
		}
		logged, err := t.loggedProbe(ctx, s, present)
		if err != nil {
			return err
		}
		if err := c.SetLabel(ctx, s.subject.Node, standInLabel, present); err != nil {
			return fmt.Errorf("label %s of %s: %w", standInLabel, s.subject.Node, err)
		}
		if err := t.exchanged(ctx, s, logged, present, after); err != nil {
			return err
		}
	}
	if err := c.DeleteConfig(ctx, standInName); err != nil {
		return fmt.Errorf("delete PtpConfig %s: %w", standInName, err)
	}
	return t.untilAllLocked(ctx, "PtpConfig "+standInName+" was deleted", s.clocks...)
}

// checkPriority creates an object that replaces the clock under test by its priority. The copy must lock to the same grandmaster, and
// the clock under test be back when the object is deleted.
func checkPriority(ctx context.Context, t *Test) error {
	s, err := t.newStandIn(ctx, func(node string) ptpconfig.Match { return ptpconfig.Match{NodeName: node} })
	if err != nil {
		return err
	}
	if err := t.startLocked(ctx, s.subject); err != nil {
		return err
	}
	before, err := pmc.ReadState(ctx, t.System, s.subject)
	if err != nil {
		return err
	}
	logged, err := t.loggedProbe(ctx, s, true)
	if err != nil {
		return err
	}
	c, err := t.put(ctx, s)
	if err != nil {
		return err
	}
	if err := t.exchanged(ctx, s, logged, true, "the PtpConfig was created"); err != nil {
		return err
	}
	subject := fmt.Sprintf("the copy of %s to be locked to grandmaster %s", s.subject, before.GrandmasterIdentity)
	if _, err := t.until(ctx, subject, t.Settings.LockWithin, both(t.lockedProbe(s.subject), t.sameGrandmaster(s, before))); err != nil {
		return lookAt(err, t.upstreams(s.subject)...)
	}
	if logged, err = t.loggedProbe(ctx, s, false); err != nil {
		return err
	}
	if err := c.DeleteConfig(ctx, standInName); err != nil {
		return fmt.Errorf("delete PtpConfig %s: %w", standInName, err)
	}
	if err := t.exchanged(ctx, s, logged, false, "the PtpConfig was deleted"); err != nil {
		return err
	}
	return t.untilAllLocked(ctx, "PtpConfig "+standInName+" was deleted", s.clocks...)
}

// sameGrandmaster looks whether the copy of the clock under test follows the grandmaster that the clock itself followed.
func (t *Test) sameGrandmaster(s *standIn, before pmc.State) wait.Probe {
	return func(ctx context.Context) (bool, string, error) {
		now, err := t.profilesOn(ctx, s.subject)
		if err != nil {
			return false, "", err
		}
		i, name := s.subject, strings.TrimPrefix(s.subject.Profile, s.subject.Object+"_")+standInSuffix
		i.Config = ""
		for file, profile := range now {
			if profile == name || profile == standInName+"_"+name {
				i.Config = path.Join(path.Dir(s.subject.Config), file)
			}
		}
		if i.Config == "" {
			return false, "no ptp4l has the profile " + name, nil
		}
		state, err := pmc.ReadState(ctx, t.System, i)
		return state.GrandmasterIdentity == before.GrandmasterIdentity, "its grandmaster is " + state.GrandmasterIdentity, err
	}
}

// untilRuns waits until the instances of an object run from the same configuration files as at the start.
func (t *Test) untilRuns(ctx context.Context, object string) error {
	for _, i := range t.Inventory.Instances {
		if i.Object != object || i.Config == "" {
			continue
		}
		subject := fmt.Sprintf("%s to have profile %s", i.Config, i.Profile)
		_, err := t.until(ctx, subject, 2*t.Settings.LockWithin, func(ctx context.Context) (bool, string, error) {
			file, err := t.configOf(ctx, i)
			return err == nil && isProfileOf(i, file.Profile), "it has " + file.Profile, err
		})
		if err != nil {
			return lookAt(err, "what the daemon of "+i.Node+" says of PtpConfig "+object)
		}
	}
	return nil
}
