package soak

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/settings"
	"github.com/ptplab/ptplab/conformance/sut"
)

// Limits are those of the CPU use, in millicores.
type Limits struct {
	Node int64 // of all PTP pods of each node together; 0 for none
	Pods []settings.PodLimit
}

// String lists the limits: "100 mcores a node, 30 mcores a linuxptp-daemon/cloud-event-proxy".
func (l Limits) String() string {
	var texts []string
	if l.Node > 0 {
		texts = append(texts, fmt.Sprintf("%d mcores a node", l.Node))
	}
	for _, p := range l.Pods {
		texts = append(texts, fmt.Sprintf("%d mcores a %s", p.Millicores, kind(p)))
	}
	return strings.Join(texts, ", ")
}

// Breach is a limit that was reached.
type Breach struct {
	At         time.Time
	What       string  // "node w1", "pod linuxptp-daemon-x7 on w1"
	Millicores float64 // that it used
	Limit      int64   // millicores
}

// String is the breach in words, as of a test that began at start.
func (b Breach) String(start time.Time) string {
	return fmt.Sprintf("%s used %.1f mcores, limit %d, %s", b.What, b.Millicores, b.Limit, After(start, b.At))
}

// Usage is what something that has a limit uses.
type Usage struct {
	What       string
	Millicores float64
	Limit      int64 // millicores
}

// Usages sums up loads for each node, pod and container that has a limit. Without holds the limits that no load is of.
func (l Limits) Usages(loads []sut.Load) (usages []Usage, without []string) {
	if l.Node > 0 {
		nodes := sums(loads, func(one sut.Load) string { return "node " + one.Node })
		usages = append(usages, limited(nodes, l.Node)...)
		if len(nodes) == 0 {
			without = append(without, "a node")
		}
	}
	for _, p := range l.Pods {
		of := slices.DeleteFunc(slices.Clone(loads), func(one sut.Load) bool {
			return one.PodType != p.Type || p.Container != "" && one.Container != p.Container
		})
		if len(of) == 0 {
			without = append(without, kind(p))
		}
		usages = append(usages, limited(sums(of, func(one sut.Load) string {
			text := fmt.Sprintf("pod %s on %s", one.Pod, one.Node)
			if p.Container != "" {
				text = fmt.Sprintf("container %s of %s", one.Container, text)
			}
			return text
		}), p.Millicores)...)
	}
	return usages, without
}

func kind(p settings.PodLimit) string {
	if p.Container == "" {
		return p.Type
	}
	return p.Type + "/" + p.Container
}

// sums adds up loads that have the same name, in the order in which the names come.
func sums(loads []sut.Load, name func(sut.Load) string) []Usage {
	var all []Usage
	for _, one := range loads {
		n := slices.IndexFunc(all, func(u Usage) bool { return u.What == name(one) })
		if n < 0 {
			n, all = len(all), append(all, Usage{What: name(one)})
		}
		all[n].Millicores += one.Millicores
	}
	return all
}

func limited(usages []Usage, limit int64) []Usage {
	for n := range usages {
		usages[n].Limit = limit
	}
	return usages
}

// Breaches lists the usages that have reached their limits: use must stay below.
func Breaches(at time.Time, usages []Usage) []Breach {
	var all []Breach
	for _, u := range usages {
		if !(u.Millicores < float64(u.Limit)) {
			all = append(all, Breach{at, u.What, u.Millicores, u.Limit})
		}
	}
	return all
}

// BreachList is a list of breaches in words, the first ones.
func BreachList(all []Breach, start time.Time) string {
	var texts []string
	for _, b := range all {
		texts = append(texts, b.String(start))
	}
	return list(texts)
}

// Window is the time over which to take a rate of something that is collected at an interval: at least twice that, for with fewer
// than two samples there is no rate. One that is too short becomes twice the interval and 10 s.
func Window(asked, interval time.Duration) time.Duration {
	if asked < 2*interval {
		return 2*interval + 10*time.Second
	}
	return asked
}
