package measure

import "math"

const (
	sourceG8273 = "ITU-T G.8273.2 (10/2020) with Amd 1 and 2, as summarised by Calnex"
	sourceG8271 = "ITU-T G.8271.1, as summarised by Calnex"
	sourceG8272 = "ITU-T G.8272, as quoted by vse_sync_pp"
	// The quotation gives the levels; where one takes over from the next follows from the curve having no step.
	sourceG8272Mask = sourceG8272 + "; breakpoints by continuity"
)

// Limits are the bounds of single numbers for telecom clocks and networks.
func Limits() []Limit {
	return []Limit{
		{"T-BC/T-TSC class A", MetricMaxTE, 100, observation, sourceG8273, Cited},
		{"T-BC/T-TSC class B", MetricMaxTE, 70, observation, sourceG8273, Cited},
		{"T-BC/T-TSC class C", MetricMaxTE, 30, observation, sourceG8273, Cited},
		{"T-BC/T-TSC class D", MetricMaxTELow, 5, observation, sourceG8273, Cited},
		{"T-BC/T-TSC class A", MetricCTE, 50, observation, sourceG8273, Cited},
		{"T-BC/T-TSC class B", MetricCTE, 20, observation, sourceG8273, Cited},
		{"T-BC/T-TSC class C", MetricCTE, 10, observation, sourceG8273, Cited},
		{"T-BC/T-TSC class A", MetricHighPkPk, 70, observation, sourceG8273, Cited},
		{"T-BC/T-TSC class B", MetricHighPkPk, 70, observation, sourceG8273, Cited},
		{"T-BC/T-TSC class C", MetricHighPkPk, 30, observation, sourceG8273, Cited},
		{"network, reference point C", MetricMaxTELow, 1100, observation, sourceG8271, Cited},
		{"end application, reference point E", MetricMaxTE, 1500, 0, sourceG8271, Cited},
		{"PRTC-A", MetricMaxTE, 100, observation, sourceG8272, Cited},
		{"PRTC-B", MetricMaxTE, 40, observation, sourceG8272, Cited},
		{"fronthaul category A", MetricMaxTE, 60, 0, "eCPRI transport, lower of two figures", Unverified},
		{"fronthaul category B", MetricMaxTE, 100, 0, "eCPRI transport, lower of two figures", Unverified},
		{"fronthaul category C", MetricMaxTE, 1100, 0, "eCPRI transport", Unverified},
	}
}

// Masks are the bounds of MTIE and TDEV curves for telecom clocks and networks, at constant temperature.
func Masks() []Mask {
	var (
		flat = func(ns, to float64) []Segment { return []Segment{{From: 0, To: to, Offset: ns}} }
		ramp = func(level float64) []Segment { // 25 + 0.275 tau up to level
			knee := (level - 25) / 0.275
			return []Segment{{From: 0.1, To: knee, Offset: 25, Slope: 0.275}, {From: knee, To: math.Inf(1), Offset: level}}
		}
		step = func(low, slope, high float64) []Segment {
			return []Segment{{From: 0.1, To: low / slope, Offset: low}, {From: low / slope, To: high / slope, Slope: slope},
				{From: high / slope, To: observationLong, Offset: high}}
		}
	)
	return []Mask{
		{"T-BC/T-TSC class A", MetricMTIELow, flat(40, observation), sourceG8273, Cited},
		{"T-BC/T-TSC class B", MetricMTIELow, flat(40, observation), sourceG8273, Cited},
		{"T-BC/T-TSC class C", MetricMTIELow, flat(10, observation), sourceG8273, Cited},
		{"T-BC/T-TSC class A", MetricTDEVLow, flat(4, observation), sourceG8273, Cited},
		{"T-BC/T-TSC class B", MetricTDEVLow, flat(4, observation), sourceG8273, Cited},
		{"T-BC/T-TSC class C", MetricTDEVLow, flat(2, observation), sourceG8273, Cited},
		{"PRTC-A", MetricMTIE, ramp(100), sourceG8272Mask, Cited},
		{"PRTC-B", MetricMTIE, ramp(40), sourceG8272Mask, Unverified},
		{"PRTC-A", MetricTDEV, step(3, 0.03, 30), sourceG8272Mask, Cited},
		{"PRTC-B", MetricTDEV, step(1, 0.01, 5), sourceG8272Mask, Cited},
		{"network, reference point C", MetricMTIELow, []Segment{
			{From: 1.3, To: 2.4, Offset: 100, Slope: 75}, {From: 2.4, To: 275, Offset: 277, Slope: 1.1}, {From: 275, To: observationLong, Offset: 580},
		}, "ITU-T G.8271.1", Unverified},
	}
}
