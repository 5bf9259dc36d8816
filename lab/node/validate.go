package node

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ptplab/ptplab/lab/linuxptp"
)

// Validate checks the object as upstream's webhook does, and what the webhook leaves to fail later: references to
// profiles that do not exist, a ptp4l without a port, programs that a plain node does not run. The error joins every
// fault.
func (c *PtpConfig) Validate() error { return c.check(true) }

// Admit checks the object as upstream's webhook does: what a cluster takes, and Validate may find faults in, is told by
// the node that is to run it. Configuration texts that linuxptp cannot read and options that would break a command line
// are faults here too.
func (c *PtpConfig) Admit() error { return c.check(false) }

// check finds the faults of an object; those that the webhook leaves to fail later only if all are wanted.
func (c *PtpConfig) check(all bool) error {
	f := faults{}
	if c.APIVersion != APIVersion {
		f.add("apiVersion is %q, want %q", c.APIVersion, APIVersion)
	}
	if c.Kind != Kind {
		f.add("kind is %q, want %q", c.Kind, Kind)
	}
	if !isName(c.Metadata.Name) {
		f.add("metadata.name %q is not a Kubernetes object name", clip(c.Metadata.Name))
	}
	var names []string
	for i := range c.Spec.Profile {
		p := &c.Spec.Profile[i]
		f.within("spec.profile["+strconv.Itoa(i)+"] "+clip(p.Name), p.validate(all))
		if slices.Contains(names, p.Name) {
			f.add("spec.profile[%d]: a second profile %q", i, clip(p.Name))
		}
		names = append(names, p.Name)
	}
	for i, r := range c.Spec.Recommend {
		if all && !slices.Contains(names, r.Profile) {
			f.add("spec.recommend[%d]: no profile %q in this object", i, clip(r.Profile))
		}
		if r.Priority == nil {
			f.add("spec.recommend[%d]: no priority", i)
		}
	}
	return f.join()
}

// faults collects errors.
type faults struct{ list []error }

func (f *faults) join() error { return errors.Join(f.list...) }

func (f *faults) add(format string, args ...any) {
	f.list = append(f.list, fmt.Errorf(format, args...))
}

// within adds each of more with the place where it was found.
func (f *faults) within(place string, more []error) {
	for _, err := range more {
		f.list = append(f.list, fmt.Errorf("%s: %w", place, err))
	}
}

// isName tells whether s is a DNS subdomain name (RFC 1123), as Kubernetes wants object names to be.
func isName(s string) bool {
	return len(s) <= 253 && objectName().MatchString(s)
}

// The patterns of upstream's webhook and of Kubernetes.
func objectName() *regexp.Regexp {
	return regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
}
func haProfilesPattern() *regexp.Regexp {
	return regexp.MustCompile(`^([\w\-_]+)(,\s*([\w\-_]+))*$`)
}
func logReducePattern() *regexp.Regexp {
	return regexp.MustCompile(`^(?i:true|false|basic|enhanced(\s+\d+(\.\d+)?(ns|us|ms|s|m|h)?)?(\s+\d+)?)$`)
}

// validate checks one profile.
func (p *Profile) validate(all bool) []error {
	f := faults{}
	if p.Name == "" || strings.ContainsAny(p.Name, " \t\r\n\x00,/") {
		f.add("name %q is empty or has a blank, comma or slash in it", clip(p.Name))
	}
	if len(p.Interface) > 15 || strings.ContainsAny(p.Interface, " \t\r\n\x00/[]") {
		f.add("interface %q is not an interface name", clip(p.Interface))
	}
	for _, o := range []struct{ name, text string }{{"ptp4lOpts", p.Ptp4lOpts}, {"phc2sysOpts", p.Phc2sysOpts}, {"ts2phcOpts", p.Ts2phcOpts}} {
		if strings.ContainsAny(o.text, "\r\n\x00") {
			f.add("%s has more than one line", o.name)
		}
	}
	f.list = append(f.list, p.validateScheduling()...)
	f.list = append(f.list, p.validateThreshold()...)
	f.list = append(f.list, p.validateSettings()...)
	for _, c := range []struct{ name, text string }{{"ptp4lConf", p.Ptp4lConf}, {"phc2sysConf", p.Phc2sysConf}, {"ts2phcConf", p.Ts2phcConf}} {
		conf, err := linuxptp.ParseConfig(c.text)
		if err != nil {
			f.add("%s: %w", c.name, err)
		} else if c.name == "ptp4lConf" {
			f.list = append(f.list, p.validatePtp4l(conf, all)...)
		}
	}
	for _, o := range []struct{ name, text string }{{"synce4lOpts", p.Synce4lOpts}, {"chronydOpts", p.ChronydOpts}} {
		if all && o.text != "" {
			f.add("%s: a plain node does not run this program", o.name)
		}
	}
	return f.list
}

func (p *Profile) validateScheduling() []error {
	f := faults{}
	switch p.PtpSchedulingPolicy {
	case "", "SCHED_OTHER":
	case "SCHED_FIFO":
		if p.PtpSchedulingPriority == 0 {
			f.add("SCHED_FIFO needs a ptpSchedulingPriority")
		}
	default:
		f.add("ptpSchedulingPolicy %q is neither SCHED_OTHER nor SCHED_FIFO", clip(p.PtpSchedulingPolicy))
	}
	if p.PtpSchedulingPriority < 0 || p.PtpSchedulingPriority > 65 {
		f.add("ptpSchedulingPriority %d is not within 1-65", p.PtpSchedulingPriority)
	}
	return f.list
}

func (p *Profile) validateThreshold() []error {
	f := faults{}
	t := p.threshold()
	if t.HoldOverTimeout < 0 {
		f.add("holdOverTimeout %d is negative", t.HoldOverTimeout)
	}
	if t.MinOffsetThreshold >= t.MaxOffsetThreshold {
		f.add("minOffsetThreshold %d is not below maxOffsetThreshold %d", t.MinOffsetThreshold, t.MaxOffsetThreshold)
	}
	for _, name := range sortedKeys(t.ProcessDowntimeThresholds) {
		if s := t.ProcessDowntimeThresholds[name]; s < 0 || s > 86400 {
			f.add("processDowntimeThresholds.%s %d is not within 0-86400", clip(name), s)
		}
	}
	return f.list
}

func (p *Profile) validateSettings() []error {
	f := faults{}
	for _, key := range sortedKeys(p.PtpSettings) {
		value := p.PtpSettings[key]
		switch {
		case key == "stdoutFilter":
			if _, err := regexp.Compile(value); err != nil {
				f.add("ptpSettings.stdoutFilter: %w", err)
			}
		case key == "logReduce":
			if !logReducePattern().MatchString(value) {
				f.add("ptpSettings.logReduce %q is not true, false, basic or enhanced [duration] [threshold]", clip(value))
			}
		case key == "haProfiles":
			if !haProfilesPattern().MatchString(value) {
				f.add("ptpSettings.haProfiles %q is not a list of profile names", clip(value))
			}
		case key == "clockType":
			if value != "T-GM" && value != "T-BC" {
				f.add("ptpSettings.clockType %q is neither T-GM nor T-BC", clip(value))
			}
		case key == "inSyncConditionTimes", key == "inSyncConditionThreshold":
			if _, err := strconv.ParseUint(value, 10, 64); err != nil {
				f.add("ptpSettings.%s %q is not an unsigned number", key, clip(value))
			}
		case key == "controllingProfile", key == "upstreamPort", key == "leadingInterface", strings.Contains(key, "clockId"):
		default:
			f.add("ptpSettings.%s is not a known setting", clip(key))
		}
	}
	return f.list
}

// validatePtp4l checks ptp4lConf against the rest of the profile.
func (p *Profile) validatePtp4l(conf *linuxptp.Config, all bool) []error {
	f := faults{}
	ports := conf.Interfaces()
	if p.Interface != "" && len(ports) > 0 && !slices.Contains(ports, p.Interface) {
		f.add("interface %q has no section in ptp4lConf, which has %s", p.Interface, strings.Join(ports, ", "))
	}
	if all && p.Ptp4lOpts != "" && p.Interface == "" && len(ports) == 0 && !slices.Contains(strings.Fields(p.Ptp4lOpts), "-i") {
		f.add("ptp4l has no port: neither interface nor a section in ptp4lConf")
	}
	if text, found := conf.Get(linuxptp.Global, "domainNumber"); found {
		if _, err := domainNumber(text); err != nil {
			f.add("ptp4lConf: %w", err)
		}
	}
	if spp, found := conf.Get(linuxptp.Global, "spp"); found && spp != "-1" {
		f.add("ptp4lConf: spp %s in [global], where only -1 is allowed", clip(spp))
	}
	for _, port := range ports {
		spp, found := conf.Get(port, "spp")
		if n, err := strconv.Atoi(spp); found && (err != nil || n < 0 || n > 255) {
			f.add("ptp4lConf: spp %s in [%s] is not within 0-255", clip(spp), port)
		}
	}
	if file, found := conf.Get(linuxptp.Global, "sa_file"); found {
		if _, _, err := secretOf(file); err != nil {
			f.add("ptp4lConf: %w", err)
		}
	}
	return f.list
}

// clip shortens what a message quotes.
func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "..."
	}
	return s
}
