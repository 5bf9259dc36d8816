package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/ptplab/ptplab/lab"
)

// statusTable is a line a port, in 80 columns where names are not long.
func statusTable(s *lab.Status) *table {
	t := newTable("PORT", "PHC", "PEER/VLAN", "ROLE", "STATE", ">OFFSET", ">TRUE ERROR")
	for _, p := range s.Ports {
		offset := ""
		if p.OffsetNs != nil {
			offset = nsText(*p.OffsetNs)
		}
		t.add(p.Owner+"/"+p.Port, fmt.Sprintf("ptp%d", p.PHC), peerText(p), roleText(p), p.State, offset, nsText(p.TrueErrorNs))
	}
	return t
}

// peerText is the other end of a cable, and its VLAN.
func peerText(p lab.PortStatus) string {
	switch {
	case p.Peer == "":
		return "-"
	case p.VLAN > 0:
		return p.Peer + " " + strconv.Itoa(p.VLAN)
	}
	return p.Peer
}

// roleText is the state of the PTP port, and whether its cable is out.
func roleText(p lab.PortStatus) string {
	if p.Peer == "" || p.Carrier {
		return p.Role
	}
	return strings.TrimSpace(p.Role + " down")
}

// nsText is a time difference in a unit that keeps it short.
func nsText(ns int64) string {
	abs := math.Abs(float64(ns))
	switch {
	case abs < 1e6:
		return fmt.Sprintf("%d ns", ns)
	case abs < 1e9:
		return fmt.Sprintf("%.3f ms", float64(ns)/1e6)
	}
	return fmt.Sprintf("%.3f s", float64(ns)/1e9)
}
