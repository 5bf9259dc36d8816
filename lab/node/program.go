package node

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/ptplab/ptplab/lab/linuxptp"
)

// runDir is the run directory as the node's processes see it.
const runDir = "/var/run"

// Programs are the paths of the programs inside the node. An empty one is upstream's. They must be of linuxptp 4 or
// later: upstream's objects use clock_class_threshold and a node uds_ro_address, which linuxptp 3 does not know.
type Programs struct {
	Ptp4l, Phc2sys, Ts2phc, Chrt string
}

func (p Programs) withDefaults() Programs {
	for _, f := range []struct {
		path *string
		std  string
	}{{&p.Ptp4l, "/usr/sbin/ptp4l"}, {&p.Phc2sys, "/usr/sbin/phc2sys"}, {&p.Ts2phc, "/usr/sbin/ts2phc"}, {&p.Chrt, "/bin/chrt"}} {
		if *f.path == "" {
			*f.path = f.std
		}
	}
	return p
}

// program is what one process is to be: everything that makes a difference to it.
type program struct {
	kind     linuxptp.Program
	config   string   // file name of its configuration, "ptp4l.0.config": what upstream's metrics call config
	text     string   // of the configuration
	argv     []string // command line inside the node
	profile  string   // qualified name
	ports    []string // of ptp4l, in its numbering
	receiver bool     // ptp4l that can only be a time receiver
	domain   uint8    // of ptp4l
	gates    []string // phc2sys waits until a clock of one of these profiles is near its master
	socket   string   // ptp4l's uds_address, inside the node
	seal     string   // of ptp4l: of the secret that it reads when it starts
	measures bool     // phc2sys that must not steer CLOCK_REALTIME
	limits   Threshold
	filter   filter
}

// same tells whether a running process of a needs no restart to be one of b.
func (a *program) same(b *program) bool {
	return a.config == b.config && a.text == b.text && slices.Equal(a.argv, b.argv) && a.profile == b.profile && a.seal == b.seal && slices.Equal(a.gates, b.gates)
}

// renderer turns profiles into programs.
type renderer struct {
	paths   Programs
	steers  string         // qualified name of the profile whose phc2sys may steer CLOCK_REALTIME; "": none
	numbers map[string]int // of the profiles, by qualified name: the N in ptp4l.N.config
	secrets string         // directory of the secrets; "": none
}

// renumber gives each profile a number. A profile that has one keeps it, so that its files and sockets stay; the others
// get the lowest free ones in their order.
func renumber(chosen []Chosen, old map[string]int) map[string]int {
	numbers := map[string]int{}
	used := map[int]bool{}
	for _, c := range chosen {
		if n, found := old[c.Name]; found {
			numbers[c.Name] = n
			used[n] = true
		}
	}
	next := 0
	for _, c := range chosen {
		if _, found := numbers[c.Name]; found {
			continue
		}
		for used[next] {
			next++
		}
		numbers[c.Name], used[next] = next, true
	}
	return numbers
}

// render gives the programs of all profiles in the order in which they start: of each profile ts2phc, ptp4l, phc2sys.
func (r *renderer) render(chosen []Chosen) ([]program, error) {
	var all []program
	for i := range chosen {
		c := &chosen[i]
		reduce, err := newFilter(c.Profile.PtpSettings)
		if err != nil {
			return nil, fmt.Errorf("profile %s: %w", c.Name, err)
		}
		for _, one := range []struct {
			opts string
			make func(*Chosen) (program, error)
		}{{c.Profile.Ts2phcOpts, r.ts2phc}, {c.Profile.Ptp4lOpts, r.ptp4l}, {c.Profile.Phc2sysOpts, r.phc2sys}} {
			if one.opts == "" {
				continue
			}
			p, err := one.make(c)
			if err != nil {
				return nil, fmt.Errorf("profile %s: %w", c.Name, err)
			}
			p.profile, p.limits, p.filter = c.Name, c.Profile.threshold(), reduce
			p.text = fmt.Sprintf("#profile: %s\n\n%s", c.Profile.Name, p.text)
			all = append(all, p)
		}
	}
	return all, nil
}

// file is the name of a program's file inside the node's run directory.
func (r *renderer) file(program, profile, suffix string) string {
	return fmt.Sprintf("%s.%d.%s", program, r.numbers[profile], suffix)
}

// argv is the command line of a program: upstream's form, with chrt before it under SCHED_FIFO.
func (r *renderer) argv(c *Chosen, binary, config, opts string) []string {
	var argv []string
	if c.Profile.PtpSchedulingPolicy == "SCHED_FIFO" {
		argv = append(argv, r.paths.Chrt, "-f", strconv.Itoa(c.Profile.PtpSchedulingPriority))
	}
	argv = append(argv, binary, "-f", path.Join(runDir, config))
	argv = append(argv, strings.Fields(opts)...)
	if !slices.Contains(argv, "-m") {
		argv = append(argv, "-m")
	}
	return argv
}

// quiet sets what every program of a node needs: a tag that tells its lines apart, and its lines on stdout only. No
// syslog listens in a lab, and each line would be sent in vain.
func quiet(conf *linuxptp.Config, config string) {
	conf.Set(linuxptp.Global, "message_tag", "["+config+":{level}]")
	conf.Set(linuxptp.Global, "use_syslog", "0")
	conf.Set(linuxptp.Global, "verbose", "1")
}

// ptp4l makes the PTP instance of a profile. Each has its read-only socket to itself: with ptp4l's default all
// instances of a node would take it away from each other.
func (r *renderer) ptp4l(c *Chosen) (program, error) {
	conf, err := linuxptp.ParseConfig(c.Profile.Ptp4lConf)
	if err != nil {
		return program{}, fmt.Errorf("ptp4lConf: %w", err)
	}
	p := program{kind: linuxptp.Ptp4l, config: r.file("ptp4l", c.Name, "config")}
	p.socket = path.Join(runDir, r.file("ptp4l", c.Name, "socket"))
	quiet(conf, p.config)
	conf.Set(linuxptp.Global, "uds_address", p.socket)
	conf.Set(linuxptp.Global, "uds_ro_address", path.Join(runDir, r.file("ptp4l", c.Name, "ro")))
	if c.Profile.Interface != "" {
		conf.Section(c.Profile.Interface)
	}
	p.ports = conf.Interfaces()
	p.argv = r.argv(c, r.paths.Ptp4l, p.config, c.Profile.Ptp4lOpts)
	p.receiver = slices.Contains(p.argv, "-s") || conf.Is(linuxptp.Global, "slaveOnly", "1") || conf.Is(linuxptp.Global, "clientOnly", "1")
	if domain, found := conf.Get(linuxptp.Global, "domainNumber"); found {
		if p.domain, err = domainNumber(domain); err != nil {
			return program{}, fmt.Errorf("ptp4lConf: %w", err)
		}
	}
	p.text, p.seal = conf.String(), seal(conf, r.secrets)
	return p, nil
}

// domainNumber reads the value of ptp4l's option.
func domainNumber(text string) (uint8, error) {
	n, err := strconv.ParseUint(text, 0, 8)
	if err != nil {
		return 0, fmt.Errorf("domainNumber %q is not within 0-255", clip(text))
	}
	return uint8(n), nil
}

// phc2sys makes the program that steers the system clock. All nodes of a lab share one CLOCK_REALTIME, so all programs but
// one only measure it.
func (r *renderer) phc2sys(c *Chosen) (program, error) {
	conf, err := linuxptp.ParseConfig(c.Profile.Phc2sysConf)
	if err != nil {
		return program{}, fmt.Errorf("phc2sysConf: %w", err)
	}
	p := program{kind: linuxptp.Phc2sys, config: r.file("phc2sys", c.Name, "config"), gates: []string{c.Name}}
	tag := r.file("ptp4l", c.Name, "config")
	opts := c.Profile.Phc2sysOpts
	if len(c.HA) > 0 {
		tag, p.gates = p.config, c.HA
		for _, name := range c.HA {
			opts += " -z " + path.Join(runDir, r.file("ptp4l", name, "socket"))
		}
	}
	quiet(conf, tag)
	if len(c.HA) == 0 {
		conf.Set(linuxptp.Global, "uds_address", path.Join(runDir, r.file("ptp4l", c.Name, "socket")))
	}
	if p.measures = c.Name != r.steers; p.measures {
		conf.Set(linuxptp.Global, "free_running", "1")
	}
	p.argv = r.argv(c, r.paths.Phc2sys, p.config, opts)
	p.text = conf.String()
	return p, nil
}

// ts2phc makes the program that steers a PHC by a pulse.
func (r *renderer) ts2phc(c *Chosen) (program, error) {
	conf, err := linuxptp.ParseConfig(c.Profile.Ts2phcConf)
	if err != nil {
		return program{}, fmt.Errorf("ts2phcConf: %w", err)
	}
	p := program{kind: linuxptp.Ts2phc, config: r.file("ts2phc", c.Name, "config")}
	quiet(conf, p.config)
	p.argv = r.argv(c, r.paths.Ts2phc, p.config, c.Profile.Ts2phcOpts)
	p.text = conf.String()
	return p, nil
}
