package settings

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What the texts of flags, and of variables that have no form of their own, mean.

// parseBool reads true and false, t and f, 1 and 0, in any case.
func parseBool(text string) (bool, error) {
	v, err := strconv.ParseBool(strings.ToLower(strings.TrimSpace(text)))
	if err != nil {
		return false, fmt.Errorf("%q is neither true nor false", text)
	}
	return v, nil
}

func atLeast(least int64) func(string) (int64, error) {
	return func(text string) (int64, error) {
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		switch {
		case errors.Is(err, strconv.ErrRange):
			return 0, fmt.Errorf("%s is too large", text)
		case err != nil:
			return 0, fmt.Errorf("%q is not a whole number", text)
		case n < least:
			return 0, fmt.Errorf("%d is less than %d", n, least)
		}
		return n, nil
	}
}

func atMost(most int64) func(string) (int64, error) {
	return func(text string) (int64, error) {
		n, err := atLeast(lowest)(text)
		if err == nil && n > most {
			err = fmt.Errorf("%d is more than %d", n, most)
		}
		return n, err
	}
}

// maxMinutes is a year, and fits a time.Duration.
const maxMinutes = 366 * 24 * 60

func parseMinutes(text string) (time.Duration, error) {
	n, err := atLeast(1)(text)
	if err == nil && n > maxMinutes {
		err = fmt.Errorf("%d minutes are more than a year", n)
	}
	return time.Duration(n) * time.Minute, err
}

// listOf reads words between commas. If there are known ones, it accepts no others.
func listOf(known ...string) func(string) ([]string, error) {
	return func(text string) ([]string, error) {
		var words []string
		for word := range strings.SplitSeq(text, ",") {
			if word = strings.TrimSpace(word); word == "" {
				continue
			}
			if len(known) > 0 && !slices.Contains(known, word) {
				return nil, fmt.Errorf("unknown %q; there is %s", word, strings.Join(known, ", "))
			}
			words = append(words, word)
		}
		return words, nil
	}
}

func parseLevel(text string) (string, error) {
	level := strings.ToLower(text)
	if level == "warning" {
		level = "warn"
	}
	if !slices.Contains([]string{"trace", "debug", "info", "warn", "error", "fatal", "panic"}, level) {
		return "", fmt.Errorf("unknown level %q; levels are trace, debug, info, warn, error, fatal and panic", text)
	}
	return level, nil
}

// parseVersion reads the version of an API that there is: 1 or 2, with or without a minor number.
func parseVersion(text string) (string, error) {
	major, minor, dotted := strings.Cut(text, ".")
	if _, err := strconv.ParseUint(minor, 10, 8); major != "1" && major != "2" || dotted && err != nil {
		return "", fmt.Errorf("%q is no version of the event API; write 2.0 or 1.0", text)
	}
	return text, nil
}

func parseWindow(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second {
		return 0, fmt.Errorf("%q is no time of a second or more; write it as in 60s, 1m30s or 5m", text)
	}
	return d, nil
}

// maxPods is how many limits of pods there may be; the suite knows two types of pod, with three containers.
const maxPods = 100

// parsePods reads limits between commas: "ptp-operator=60,linuxptp-daemon/cloud-event-proxy=30".
func parsePods(text string) ([]PodLimit, error) {
	items, err := listOf()(text)
	if err != nil {
		return nil, err
	}
	if len(items) > maxPods {
		return nil, fmt.Errorf("%d limits, more than %d", len(items), maxPods)
	}
	var limits []PodLimit
	for _, item := range items {
		pod, mcores, found := strings.Cut(item, "=")
		if !found {
			return nil, fmt.Errorf("%q has no limit; write it as in ptp-operator=60", item)
		}
		limit := PodLimit{}
		if limit.Millicores, err = atLeast(1)(mcores); err != nil {
			return nil, fmt.Errorf("limit of %s: %w", pod, err)
		}
		limit.Type, limit.Container, _ = strings.Cut(pod, "/")
		if limit.Type != "ptp-operator" && limit.Type != "linuxptp-daemon" {
			return nil, fmt.Errorf("pod type %q is neither ptp-operator nor linuxptp-daemon", limit.Type)
		}
		same := func(other PodLimit) bool { return other.Type == limit.Type && other.Container == limit.Container }
		if slices.ContainsFunc(limits, same) {
			return nil, fmt.Errorf("two limits of %s", pod)
		}
		limits = append(limits, limit)
	}
	return limits, nil
}

// String is "linuxptp-daemon/cloud-event-proxy=30".
func (l PodLimit) String() string {
	pod := l.Type
	if l.Container != "" {
		pod += "/" + l.Container
	}
	return fmt.Sprintf("%s=%d", pod, l.Millicores)
}

// What the texts of variables mean that have a form of their own. Each gives the text of a flag.

// unlessFalse: there, and "false" nowhere in it. So 0, no and the empty text are true.
func unlessFalse(text string) (string, error) {
	return strconv.FormatBool(!strings.Contains(strings.ToLower(text), "false")), nil
}

// present: there. So false is true.
func present(string) (string, error) { return "true", nil }

// discovery: true, or the name of the mode.
func discovery(text string) (string, error) {
	if strings.EqualFold(text, "discovery") {
		return "true", nil
	}
	return text, nil
}

func managed(text string) (string, error) {
	switch strings.ToUpper(text) {
	case "MANAGED":
		return "true", nil
	case "UNMANAGED":
		return "false", nil
	}
	return "", fmt.Errorf("%q is neither MANAGED nor UNMANAGED", text)
}

// show writes a value as its flag would have it.
func show(v any) string {
	switch v := v.(type) {
	case []string:
		return strings.Join(v, ",")
	case []PodLimit:
		var items []string
		for _, l := range v {
			items = append(items, l.String())
		}
		return strings.Join(items, ",")
	}
	return fmt.Sprint(v)
}
