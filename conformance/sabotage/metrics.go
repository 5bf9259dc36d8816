package sabotage

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// metricsSabotages break what nodes tell of their clocks, and their processes.
func metricsSabotages() []Sabotage {
	return slices.Concat([]Sabotage{
		stoppedExporter(),
		rewritten("offsets in another unit", specs.AreaMetrics, nil, halveOffsets),
		rewritten("series of a clock missing", specs.AreaMetrics, nil, without(`^openshift_ptp_max_offset_ns\{.*process="ptp4l"`)),
		rewritten("threshold of a profile missing", specs.AreaMetrics, nil, without(`^openshift_ptp_threshold\{.*"HoldOverTimeout"`)),
		rewritten("series of the system clock missing", specs.AreaMetrics, nil, without(`^openshift_ptp_delay_ns\{.*process="phc2sys"`)),
		rewritten("wrong label of a series", specs.AreaMetrics, nil, relabelled),
		rewritten("series of a profile that is gone", specs.AreaMetrics, nil, withLeftOver),
		rewritten("metrics of another path", specs.AreaSockets, nil, withMoreDelay),
	}, haSabotages(), socketSabotages(), processSabotages(), configuredSabotages(), deviceSabotages())
}

// inArea is a system that is broken for one area of specs only.
type inArea struct {
	sut.System
	area string
}

func (s inArea) Unwrap() sut.System { return s.System }

// is says whether the system is asked for that area.
func (s inArea) is(ctx context.Context) bool { return specs.AreaOf(ctx) == s.area }

// rewriting is a system whose metrics are changed on the way.
type rewriting struct {
	inArea
	rewrite func(text string) string
}

func (r rewriting) Metrics(ctx context.Context, node string) ([]byte, error) {
	text, err := r.System.Metrics(ctx, node)
	if err != nil || !r.is(ctx) {
		return text, err
	}
	return []byte(r.rewrite(string(text))), nil
}

// rewritten changes metrics.
func rewritten(name, area string, modes []specs.Mode, rewrite func(text string) string) Sabotage {
	return Sabotage{Name: name, Area: area, Modes: modes, Apply: func(_ context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
		return rewriting{inArea{system, area}, rewrite}, nothing, nil
	}}
}

// without leaves out the lines that match.
func without(pattern string) func(text string) string {
	lines := regexp.MustCompile(pattern)
	return func(text string) string {
		return eachLine(text, func(line string) string {
			if lines.MatchString(line) {
				return ""
			}
			return line
		})
	}
}

// eachLine changes each line of a text; an empty one goes.
func eachLine(text string, change func(line string) string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if line = change(strings.TrimSuffix(line, "\n")); line != "" {
			out.WriteString(line + "\n")
		}
	}
	return out.String()
}

// halveOffsets tells half of each offset of ptp4l, as if it were of another unit.
func halveOffsets(text string) string {
	return eachLine(text, func(line string) string {
		series, value, ok := strings.Cut(line, "} ")
		var ns float64
		if !ok || !strings.HasPrefix(series, "openshift_ptp_offset_ns{") || !strings.Contains(series, `process="ptp4l"`) {
			return line
		}
		if _, err := fmt.Sscan(value, &ns); err != nil {
			return line
		}
		return fmt.Sprintf("%s} %g", series, ns/2)
	})
}

// relabelled tells the frequency of a clock under a name that is no interface's.
func relabelled(text string) string {
	return eachLine(text, func(line string) string {
		if strings.HasPrefix(line, "openshift_ptp_frequency_adjustment_ns{") && strings.Contains(line, `process="ptp4l"`) {
			return regexp.MustCompile(`iface="[^"]*"`).ReplaceAllString(line, `iface="master"`)
		}
		return line
	})
}

// withLeftOver goes on telling of a process whose profile was taken away.
func withLeftOver(text string) string {
	return eachLine(text, func(line string) string {
		if strings.HasPrefix(line, "openshift_ptp_process_status{") && strings.Contains(line, `process="ptp4l"`) && strings.Contains(line, ".0.config") {
			return line + "\n" + strings.Replace(line, ".0.config", ".9.config", 1)
		}
		return line
	})
}

// withMoreDelay tells a path delay that ptp4l does not measure.
func withMoreDelay(text string) string {
	return eachLine(text, func(line string) string {
		series, _, ok := strings.Cut(line, "} ")
		if ok && strings.HasPrefix(series, "openshift_ptp_delay_ns{") && strings.Contains(series, `process="ptp4l"`) {
			return series + "} 12345"
		}
		return line
	})
}

// stopped is a system whose exporter repeats what it last knew, from the first scrape of the area on.
type stopped struct {
	inArea
	last map[string][]byte // by node
}

func (s stopped) Metrics(ctx context.Context, node string) ([]byte, error) {
	if !s.is(ctx) {
		return s.System.Metrics(ctx, node)
	}
	if text, ok := s.last[node]; ok {
		return text, nil
	}
	text, err := s.System.Metrics(ctx, node)
	if err == nil {
		s.last[node] = text
	}
	return text, err
}

// stoppedExporter serves the metrics of a good time for ever.
func stoppedExporter() Sabotage {
	return Sabotage{
		Name: "exporter stands still", Area: specs.AreaMetrics,
		Apply: func(_ context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
			return stopped{inArea{system, specs.AreaMetrics}, map[string][]byte{}}, nothing, nil
		},
	}
}

// haSabotages break what is told of a system clock with several sources.
func haSabotages() []Sabotage {
	bothActive := func(text string) string {
		return eachLine(text, func(line string) string {
			series, _, ok := strings.Cut(line, "} ")
			if ok && strings.HasPrefix(series, "openshift_ptp_ha_profile_status{") {
				return series + "} 1"
			}
			return line
		})
	}
	return []Sabotage{rewritten("both profiles of high availability active", specs.AreaMetrics, []specs.Mode{specs.DualNICBCHA}, bothActive)}
}
