package topology

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
)

// Duration is a time in ns. The file writes it with its unit, "20us"; ns, us (or µs), ms and s are understood, and
// fractions as long as the value is a whole number of nanoseconds.
type Duration int64

// Frequency is a relative frequency in parts per 1e12 (ppt). The file writes it with its unit, "12ppb"; ppt, ppb and
// ppm are understood.
type Frequency int64

// PPB is the frequency in parts per 1e9.
func (f Frequency) PPB() float64 { return float64(f) / 1000 }

// Ratio is a share in parts per million. The file writes it with its unit, "0.1%"; ppm and % are understood.
type Ratio int64

// unit is a unit that a quantity may be written in.
type unit struct {
	name  string
	scale int64 // in terms of the quantity's smallest unit
}

// measure is a kind of quantity: how it is called, its units from the smallest up, and an example.
type measure struct {
	noun    string
	units   []unit
	spoken  string // the units as read to a person
	example string
}

func durations() measure {
	return measure{"a time", []unit{{"ns", 1}, {"us", 1e3}, {"µs", 1e3}, {"μs", 1e3}, {"ms", 1e6}, {"s", 1e9}}, "ns, us, ms or s", "25ns"}
}

func frequencies() measure {
	return measure{"a frequency error", []unit{{"ppt", 1}, {"ppb", 1e3}, {"ppm", 1e6}}, "ppt, ppb or ppm", "12ppb"}
}

func ratios() measure {
	return measure{"a share", []unit{{"ppm", 1}, {"%", 1e4}}, "% or ppm", "0.1%"}
}

// The number is bounded, so that arithmetic on it is.
var numberAndUnit = regexp.MustCompile(`^([+-]?[0-9]{1,18}(?:\.[0-9]{1,18})?) ?([^0-9. ]*)$`)

// parse reads a quantity as a multiple of its smallest unit.
func (m measure) parse(s string) (int64, error) {
	parts := numberAndUnit.FindStringSubmatch(s)
	if parts == nil {
		return 0, problem{fmt.Sprintf("%s is not %s", show(s), m.noun), fmt.Sprintf("write a number and a unit (%s), such as %s", m.spoken, m.example)}
	}
	if parts[2] == "" {
		return 0, problem{fmt.Sprintf("%s has no unit", show(s)), fmt.Sprintf("write it with %s, such as %s%s", m.spoken, strings.TrimPrefix(parts[1], "+"), m.units[0].name)}
	}
	for _, u := range m.units {
		if u.name == parts[2] {
			return m.scaled(s, parts[1], u)
		}
	}
	return 0, problem{fmt.Sprintf("%s is not a unit of %s", show(parts[2]), m.noun), fmt.Sprintf("the units are %s, as in %s", m.spoken, m.example)}
}

func (m measure) scaled(whole, number string, u unit) (int64, error) {
	value, ok := new(big.Rat).SetString(number)
	if !ok {
		return 0, problem{fmt.Sprintf("%s is not %s", show(whole), m.noun), "such as " + m.example}
	}
	value.Mul(value, new(big.Rat).SetInt64(u.scale))
	if !value.IsInt() {
		return 0, problem{fmt.Sprintf("%s is finer than 1 %s", show(whole), m.units[0].name), fmt.Sprintf("the smallest step is 1%s", m.units[0].name)}
	}
	if !value.Num().IsInt64() {
		return 0, problem{fmt.Sprintf("%s is far too large for %s", show(whole), m.noun), "such as " + m.example}
	}
	return value.Num().Int64(), nil
}

// format writes a quantity in the largest unit that gives a whole number.
func (m measure) format(v int64) string {
	best := m.units[0]
	for _, u := range m.units {
		if v != 0 && v%u.scale == 0 && u.scale > best.scale {
			best = u
		}
	}
	return fmt.Sprintf("%d%s", v/best.scale, best.name)
}

// pattern is the regular expression of the quantity, for the JSON Schema.
func (m measure) pattern(signed bool) string {
	names := make([]string, len(m.units))
	for i, u := range m.units {
		names[i] = u.name
	}
	sign := `\+?`
	if signed {
		sign = `[+-]?`
	}
	return `^` + sign + `[0-9]{1,18}(\.[0-9]{1,18})? ?(` + strings.Join(names, "|") + `)$`
}

// String writes the duration with its unit.
func (d Duration) String() string { return durations().format(int64(d)) }

// String writes the frequency with its unit.
func (f Frequency) String() string { return frequencies().format(int64(f)) }

// String writes the ratio with its unit.
func (r Ratio) String() string { return ratios().format(int64(r)) }

func (d *Duration) parseText(s string) error {
	v, err := durations().parse(s)
	*d = Duration(v)
	return err
}

func (f *Frequency) parseText(s string) error {
	v, err := frequencies().parse(s)
	*f = Frequency(v)
	return err
}

func (r *Ratio) parseText(s string) error {
	v, err := ratios().parse(s)
	*r = Ratio(v)
	return err
}
