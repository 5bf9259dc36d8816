package settings

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
)

// Input is where Resolve looks. The zero value gives the defaults.
type Input struct {
	Flags     *pflag.FlagSet               // with those of AddFlags, parsed; nil for none
	LookupEnv func(string) (string, bool)  // os.LookupEnv; nil for no variables
	ReadFile  func(string) ([]byte, error) // nil for os.ReadFile
}

// Resolve finds the value of every setting: its flag's, else its variable's, else its key's in the configuration file,
// else its default. The error joins everything that is wrong; what is wrong with the file is in it as Faults. A
// variable that is there but empty counts as absent, but for those for which being there is enough.
func Resolve(in Input) (*Settings, error) {
	r := &resolver{in: in, settings: &Settings{origins: map[string]Origin{}}}
	for _, row := range Table() {
		r.take(row)
		if row.Name == configFile {
			r.readFile()
		}
	}
	if err := errors.Join(r.faults...); err != nil {
		return nil, err
	}
	r.settings.derive()
	if err := r.settings.check(); err != nil {
		return nil, err
	}
	return r.settings, nil
}

type resolver struct {
	in       Input
	settings *Settings
	file     *file // nil for none
	faults   []error
}

func (r *resolver) readFile() {
	name := r.settings.ConfigFile
	if name == "" {
		return
	}
	read := r.in.ReadFile
	if read == nil {
		read = os.ReadFile
	}
	data, err := read(name)
	if err != nil {
		r.faults = append(r.faults, fmt.Errorf("read configuration of the suite (%s): %w", r.settings.origins[configFile], err))
		return
	}
	if r.file, err = parseFile(name, data); err != nil {
		r.faults = append(r.faults, err)
	}
}

// take gives one setting its value.
func (r *resolver) take(row Setting) {
	text, origin, err := r.find(row)
	if err == nil {
		err = row.set(r.settings, text)
	}
	if err != nil {
		r.faults = append(r.faults, fmt.Errorf("%s: %w", origin, err))
	}
	r.settings.origins[row.Name] = origin
}

// find gives the text that counts for a setting, as its flag would have it, and where it came from.
func (r *resolver) find(row Setting) (string, Origin, error) {
	if r.in.Flags != nil {
		if flag := r.in.Flags.Lookup(row.Name); flag != nil && flag.Changed {
			return flag.Value.String(), Origin{Kind: Flag, Where: "--" + row.Name}, nil
		}
	}
	if text, found := r.lookup(row); found {
		origin := Origin{Kind: Variable, Where: row.Variable}
		if row.variable == nil {
			return text, origin, nil
		}
		text, err := row.variable(text)
		return text, origin, err
	}
	if r.file != nil && row.Key != "" {
		if entry, found := r.file.entries[row.Key]; found {
			return entry.text, Origin{Kind: File, Where: fmt.Sprintf("%s:%d", r.file.name, entry.at.line)}, nil
		}
	}
	return row.Default, Origin{Kind: Default}, nil
}

// lookup gives the text of a setting's variable.
func (r *resolver) lookup(row Setting) (string, bool) {
	if row.Variable == "" || r.in.LookupEnv == nil {
		return "", false
	}
	text, found := r.in.LookupEnv(row.Variable)
	if text == "" && !row.presence {
		return "", false
	}
	return text, found
}

// derive settles what one setting says of another. What is said at a stronger place prevails: a flag that turns one
// soak test on, over a file that turns all off.
func (s *Settings) derive() {
	decide := func(by string, name string, apply func()) {
		origin := s.origins[by]
		if origin.rank() >= s.origins[name].rank() {
			apply()
			origin.By = by
			s.origins[name] = origin
		}
	}
	if s.DiscoveryMode {
		decide("discovery-mode", "mode", func() { s.Mode = ptpconfig.Discovery })
	}
	if s.Soak.DisableAll {
		decide("soak-disable-all", "soak-sync", func() { s.Soak.ClockSync.Enable = false })
		decide("soak-disable-all", "soak-cpu", func() { s.Soak.CPU.Enable = false })
	}
	for name, test := range map[string]*SoakTest{"soak-sync-failures": &s.Soak.ClockSync, "soak-cpu-failures": &s.Soak.CPU} {
		if s.origins[name].Kind == Default {
			decide("soak-failures", name, func() { test.FailureThreshold = s.Soak.FailureThreshold })
		}
	}
}

// check says which settings contradict each other.
func (s *Settings) check() error {
	var faults []error
	if s.MinOffset >= s.MaxOffset {
		faults = append(faults, fmt.Errorf("min-offset %d ns (%s) is not below max-offset %d ns (%s)",
			s.MinOffset, s.origins["min-offset"], s.MaxOffset, s.origins["max-offset"]))
	}
	if s.Soak.CPU.Enable && s.Soak.CPUNode == 0 && len(s.Soak.CPUPods) == 0 {
		faults = append(faults, fmt.Errorf("soak-cpu is on (%s), but there is no limit that CPU use could be over; "+
			"below spec.custom_params, set node or pod, or give --soak-cpu-node or --soak-cpu-pods", s.origins["soak-cpu"]))
	}
	return errors.Join(faults...)
}
