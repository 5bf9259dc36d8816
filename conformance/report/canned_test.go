package report_test

import (
	"fmt"
	"time"

	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/record"
	"github.com/ptplab/ptplab/conformance/report"
	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// start is when the canned run began, in the system's time.
func start() time.Time { return time.Date(2026, 1, 1, 0, 0, 2, 0, time.UTC) }

func after(s int) time.Time { return start().Add(time.Duration(s) * time.Second) }

// canned is a run of 120 s in which a link was down from 90 s to 97 s and a cable made oc1 err by 5 µs.
func canned() report.Run {
	settings := specs.DefaultSettings()
	settings.TrueErrorBound = 30
	return report.Run{
		Settings: settings,
		Report: conformance.Report{
			Mode: "bc", Passed: 2, Failed: 1, Skipped: 1, WallSeconds: 3.21, SystemSeconds: 120,
			Started: time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC), SystemStarted: start(),
			Specs: []conformance.SpecReport{
				{Name: "sync: bc1 on w1 locks", Area: "sync", State: conformance.Passed, WallSeconds: 0.2, SystemSeconds: 10,
					Measurements: []specs.Measurement{{Name: "time until locked", Value: 0.0048, Unit: "s"}, {Name: "offset", Value: -3, Unit: "ns"}, {Name: "stepsRemoved", Value: 2, Unit: "hops"}}},
				{Name: "accuracy: every clock stays with its <grandmaster>", Area: "accuracy", State: conformance.Failed, StartSeconds: 10, WallSeconds: 1.5, SystemSeconds: 70,
					Message: "oc1 on w2 is off by -5003 ns | bound 30 ns\nsecond line <script>alert(1)</script>", Measurements: measured(7)},
				{Name: "failover: bc1 on w1 holds over", Area: "failover", State: conformance.Passed, StartSeconds: 80, WallSeconds: 1.2, SystemSeconds: 40,
					Measurements: []specs.Measurement{{Name: "link down to HOLDOVER", Value: 1.002, Unit: "s"}}},
				{Name: "failover: oc1 on w2 holds over", Area: "failover", State: conformance.Skipped, StartSeconds: 120, Message: "oc1 on w2 does not lock"},
			},
		},
		Record: cannedRecord(),
		About:  []report.Fact{{Name: "Lab", Value: "canned, virtual time"}, {Name: "linuxptp", Value: "4.2"}},
	}
}

func measured(n int) []specs.Measurement {
	var all []specs.Measurement
	for k := range n {
		all = append(all, specs.Measurement{Name: fmt.Sprintf("max |TE| of clock_%d", k), Value: float64(k) * 1234, Unit: "ns"})
	}
	return all
}

func cannedRecord() record.Record {
	bc1 := record.Clock{
		Instance: sut.Instance{Name: "bc1", Node: "w1", Type: sut.Boundary, ReceivePorts: []string{"ens1f0"}}, Against: "gm",
		State: record.Track{Name: "bc1 on w1", Steps: []record.Step{{At: after(0), Value: "FREERUN"}, {At: after(4), Value: "LOCKED"}, {At: after(91), Value: "HOLDOVER"}, {At: after(96), Value: "FREERUN"}, {At: after(100), Value: "LOCKED"}}},
		Roles: []record.Track{{Name: "w1/ens1f0", Steps: []record.Step{{At: after(0), Value: "SLAVE"}, {At: after(91), Value: "FAULTY"}, {At: after(98), Value: "SLAVE"}}}},
	}
	oc1 := record.Clock{
		Instance: sut.Instance{Name: "oc1", Node: "w2", Type: sut.Ordinary, ReceivePorts: []string{"ens2f0"}}, Against: "gm",
		State: record.Track{Name: "oc1 on w2", Steps: []record.Step{{At: after(0), Value: "LOCKED"}}},
	}
	noise := uint32(1)
	for s := range 121 {
		noise = noise*1664525 + 1013904223
		small := float64(noise>>28) - 8
		drift := 0.0
		if s > 90 && s < 100 {
			drift = float64(s-90) * 4
		} else {
			bc1.Offset.Points = append(bc1.Offset.Points, record.Point{At: after(s), NS: small})
		}
		bc1.TrueError.Points = append(bc1.TrueError.Points, record.Point{At: after(s), NS: small/2 + drift})
		oc1.Offset.Points = append(oc1.Offset.Points, record.Point{At: after(s), NS: small})
		oc1.TrueError.Points = append(oc1.TrueError.Points, record.Point{At: after(s), NS: small - 5000})
	}
	return record.Record{
		Start: after(0), End: after(120), Clocks: []record.Clock{bc1, oc1},
		Links:  []record.Track{{Name: "w1/ens1f0", Steps: []record.Step{{At: after(90), Value: "down"}, {At: after(97), Value: "up"}}}},
		Logs:   []record.Log{{Node: "w1", Lines: []string{"ptp4l[4.000]: rms <3> & max 7", "ptp4l[5.000]: port 1: UNCALIBRATED to SLAVE"}}, {Node: "w2", Fault: "no such node"}},
		Missed: 2, LastMiss: "scrape w9: connection refused",
	}
}

// many is a run of every area, with more specs than fit a screen, retries and a soak that lost sync.
func many(specsEach int) report.Run {
	run := canned()
	run.Report.Specs, run.Report.Passed, run.Report.Failed, run.Report.Skipped = nil, 0, 0, 0
	areas := []string{
		specs.AreaValidation, specs.AreaOperator, specs.AreaDiscovery, specs.AreaSync, specs.AreaPath, specs.AreaAccuracy, specs.AreaMetrics,
		specs.AreaSockets, specs.AreaScheduling, specs.AreaEvents, specs.AreaLogs, specs.AreaProfiles, specs.AreaClockClass, specs.AreaFailover,
		specs.AreaOutage, specs.AreaRestart, specs.AreaSecurity,
	}
	for n := range len(areas) * specsEach {
		area := areas[n/specsEach]
		s := conformance.SpecReport{
			Name: fmt.Sprintf("%s: bc%d on w1 does what number %d of its area says that it should do", area, n%3, n%specsEach), Area: area, State: conformance.Passed,
			StartSeconds: float64(n), SystemSeconds: 1, WallSeconds: 0.1, Measurements: measured(n % 6),
		}
		switch {
		case area == specs.AreaOperator:
			s.State, s.Message, s.Measurements = conformance.Skipped, "this system is no Kubernetes cluster", nil
		case n == 20:
			s.State, s.Message = conformance.Failed, "waited 1m0s for an event HOLDOVER of ens1fx from /cluster/node/w1/sync/ptp-status/lock-state; last seen: no event\nlook at: ptp4l of bc1 on w1 (/var/run/ptp4l.0.config)"
		case n == 30:
			s.Attempts = 2
		}
		run.Report.Specs = append(run.Report.Specs, s)
	}
	run.Report.Specs = append(run.Report.Specs, soaked(float64(len(run.Report.Specs))))
	for _, s := range run.Report.Specs {
		switch s.State {
		case conformance.Passed:
			run.Report.Passed++
		case conformance.Failed:
			run.Report.Failed++
		case conformance.Skipped:
			run.Report.Skipped++
		}
	}
	return run
}

// soaked is a soak of 50 s that lost sync twice.
func soaked(start float64) conformance.SpecReport {
	plot := &specs.Plot{Clock: "the OS clock of w1", Low: -100, High: 100}
	truth := &specs.Plot{Clock: "bc1 on w1", Low: -100, High: 100, Bound: 30}
	at := func(s int) time.Time { return after(int(start) + s) }
	for s := range 50 {
		offset := float64(s*7%20) - 10
		if s == 21 {
			offset = 420
		}
		plot.Offset = append(plot.Offset, specs.PlotPoint{At: at(s), NS: offset})
		truth.Offset = append(truth.Offset, specs.PlotPoint{At: at(s), NS: offset / 4})
		truth.TrueError = append(truth.TrueError, specs.PlotPoint{At: at(s), NS: offset / 5})
	}
	plot.Losses = []specs.PlotLoss{{From: at(21), Until: at(24), State: "FREERUN"}, {From: at(40), Until: at(41), State: "HOLDOVER"}}
	note := func(s int, state string) specs.Note {
		return specs.Note{At: at(s), Node: "w1", Text: "os-clock-sync-state: CLOCK_REALTIME " + state}
	}
	return conformance.SpecReport{
		Name: "soak: the clocks keep their sync", Area: specs.AreaSoak, State: conformance.Failed, StartSeconds: start, SystemSeconds: 50, WallSeconds: 2,
		Message:      "the OS clock of w1 lost its sync 2 times, which fails at 1: FREERUN at 21s for 3s, HOLDOVER at 40s for 1s",
		Measurements: []specs.Measurement{{Name: "losses of sync of the OS clock of w1", Value: 2, Unit: "losses"}},
		Attachments: []specs.Attachment{
			{Name: "events", File: "event-output.csv"}, {Name: "time error of the OS clock of w1", Plot: plot}, {Name: "time error of bc1 on w1", Plot: truth},
		},
		Notes: []specs.Note{note(0, "LOCKED"), note(21, "FREERUN"), note(24, "LOCKED"), note(40, "HOLDOVER"), note(41, "LOCKED"), {At: at(45), Text: "the battery of the clock on the wall was changed"}},
	}
}
