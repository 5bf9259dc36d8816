package system

import (
	"context"
	"fmt"
	"strings"

	"github.com/ptplab/ptplab/conformance/sut"
)

// findConfigs prints the profile line of every configuration file on a node, as "file:#profile: name". It is what
// linuxptp-daemon writes first.
const findConfigs = `grep -H '^#profile:' /var/run/*.config`

// fileKey says whose a configuration file is: {"ptp4l", "bc1"}.
type fileKey struct{ program, profile string }

// findFiles fills in the configuration files that the nodes run. What does not run yet is an error.
func (s *System) findFiles(ctx context.Context, inv *sut.Inventory) error {
	files := map[string]map[fileKey][]string{}
	find := func(node, program, profile string) (string, error) {
		if files[node] == nil {
			found, err := s.files(ctx, node)
			if err != nil {
				return "", err
			}
			files[node] = found
		}
		switch found := files[node][fileKey{program, profile}]; len(found) {
		case 0:
			return "", fmt.Errorf("no %s on %s runs the profile %s", program, node, profile)
		case 1:
			return found[0], nil
		default:
			return "", fmt.Errorf("several profiles on %s are called %s, so that their configuration files cannot be told apart: %s",
				node, profile, strings.Join(found, ", "))
		}
	}
	var err error
	for i := range inv.Instances {
		one := &inv.Instances[i]
		if one.Config, err = find(one.Node, "ptp4l", s.profileName(*one)); err != nil {
			return err
		}
	}
	for i := range inv.SystemClocks {
		one := &inv.SystemClocks[i]
		if one.Config, err = find(one.Node, "phc2sys", shortName(one.Profile)); err != nil {
			return err
		}
	}
	return nil
}

// profileName is the name of an instance's profile as its configuration file has it.
func (s *System) profileName(i sut.Instance) string {
	switch {
	case i.InSwitch:
		return vlanOf(s.plan, i).NIC
	case i.Profile == "": // an external grandmaster
		return i.Name
	}
	return shortName(i.Profile)
}

// shortName is a profile's own name of its qualified one. The object's name before it has no underscore.
func shortName(qualified string) string {
	_, name, _ := strings.Cut(qualified, "_")
	return name
}

// files are the configuration files of a node.
func (s *System) files(ctx context.Context, node string) (map[fileKey][]string, error) {
	result, err := s.Exec(ctx, node, []string{"sh", "-c", findConfigs})
	if err != nil {
		return nil, fmt.Errorf("look for the programs of %s: %w", node, err)
	}
	found := map[fileKey][]string{}
	for line := range strings.Lines(result.Stdout) {
		file, profile, ok := strings.Cut(strings.TrimSpace(line), ":#profile:")
		if !ok {
			continue
		}
		program, _, _ := strings.Cut(strings.TrimPrefix(file, "/var/run/"), ".")
		key := fileKey{program, strings.TrimSpace(profile)}
		found[key] = append(found[key], file)
	}
	return found, nil
}
