package image

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// request is what a configuration fragment asks of one kernel option.
type request struct {
	symbol string // "CONFIG_NETDEVSIM"
	value  string // "y", "n", "\"text\"", "16"
	where  string // "config/40-ptp.config:12"
}

// kconfigLine is a line that sets an option, or "# CONFIG_X is not set".
var (
	kconfigSet   = regexp.MustCompile(`^(CONFIG_[A-Za-z0-9_]+)=(\S.*|)$`)
	kconfigUnset = regexp.MustCompile(`^# (CONFIG_[A-Za-z0-9_]+) is not set$`)
)

// parseFragment reads the lines of one fragment. A line that is neither a setting nor a comment is an error.
func parseFragment(name string, text []byte) ([]request, error) {
	var requests []request
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSpace(line)
		where := fmt.Sprintf("%s:%d", name, number)
		if set := kconfigSet.FindStringSubmatch(line); set != nil {
			requests = append(requests, request{symbol: set[1], value: set[2], where: where})
			continue
		}
		if unset := kconfigUnset.FindStringSubmatch(line); unset != nil {
			requests = append(requests, request{symbol: unset[1], value: "n", where: where})
			continue
		}
		if line != "" && !strings.HasPrefix(line, "#") {
			return nil, fmt.Errorf("%s: %q is neither CONFIG_NAME=value nor a comment", where, line)
		}
	}
	return requests, nil
}

// readFragments merges all fragments in the order of their names, those of config first, then those of the series, which
// may take back what an older kernel does not have. A later one wins.
func readFragments(files fs.FS, series string) ([]request, error) {
	var names []string
	for _, dir := range []string{"config", path.Join("series", series)} {
		found, err := fs.Glob(files, path.Join(dir, "*.config")) // sorted
		if err != nil {
			return nil, err
		}
		names = append(names, found...)
	}
	var merged []request
	place := map[string]int{}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		requests, err := parseFragment(name, text)
		if err != nil {
			return nil, err
		}
		for _, r := range requests {
			if at, seen := place[r.symbol]; seen {
				merged[at] = r
				continue
			}
			place[r.symbol] = len(merged)
			merged = append(merged, r)
		}
	}
	if len(merged) == 0 {
		return nil, fmt.Errorf("no configuration fragment asks for anything")
	}
	return merged, nil
}

// mergeConfig is the base configuration with the requests in place of its own lines.
func mergeConfig(base []byte, requests []request) []byte {
	asked := map[string]bool{}
	for _, r := range requests {
		asked[r.symbol] = true
	}
	var out bytes.Buffer
	for line := range strings.Lines(string(base)) {
		if symbol, _, ok := parseConfigLine(line); !ok || !asked[symbol] {
			out.WriteString(line)
		}
	}
	for _, r := range requests {
		if r.value == "n" {
			fmt.Fprintf(&out, "# %s is not set\n", r.symbol)
			continue
		}
		fmt.Fprintf(&out, "%s=%s\n", r.symbol, r.value)
	}
	return out.Bytes()
}

func parseConfigLine(line string) (symbol, value string, ok bool) {
	line = strings.TrimSpace(line)
	if set := kconfigSet.FindStringSubmatch(line); set != nil {
		return set[1], set[2], true
	}
	if unset := kconfigUnset.FindStringSubmatch(line); unset != nil {
		return unset[1], "n", true
	}
	return "", "", false
}

// ConfigError lists the options that the kernel's own configuration logic did not take as asked: an option that
// depends on another that is off is dropped without a word.
type ConfigError struct {
	Refused []string // "config/40-ptp.config:12 asks CONFIG_X=y, got n"
}

// Error lists all refused options.
func (e *ConfigError) Error() string {
	return fmt.Sprintf("kernel configuration: %d options are not what the fragments ask for (a dependency is off, or the option does not exist in this version):\n    %s",
		len(e.Refused), strings.Join(e.Refused, "\n    "))
}

// checkConfig compares the final configuration with the requests.
func checkConfig(final []byte, requests []request) error {
	got := map[string]string{}
	for line := range strings.Lines(string(final)) {
		if symbol, value, ok := parseConfigLine(line); ok {
			got[symbol] = value
		}
	}
	var refused []string
	for _, r := range requests {
		value, there := got[r.symbol]
		if !there {
			value = "n"
		}
		if value != r.value {
			refused = append(refused, fmt.Sprintf("%s asks %s=%s, got %s", r.where, r.symbol, r.value, value))
		}
	}
	if len(refused) > 0 {
		return &ConfigError{Refused: refused}
	}
	return nil
}
