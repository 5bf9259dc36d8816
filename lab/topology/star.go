package topology

import (
	"bytes"
	"fmt"
)

// Star is the YAML of a topology of n workers (2 to MaxWorkers), each with one NIC of two ports on one switch: port 0
// in VLAN 1500, port 1 in VLAN 1501. The first worker is grandmaster of VLAN 1500, the others are its time receivers.
// Benchmarks measure with it how a lab's cost grows.
func Star(n int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "apiVersion: %s\nkind: %s\nname: star-%d\nworkers:\n", APIVersion, Kind, n)
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "  w%d: {nics: {ens1: {ports: 2}}}\n", i)
	}
	b.WriteString("switch:\n  vlans:\n")
	for port, vlan := range []int{1500, 1501} {
		fmt.Fprintf(&b, "    %d:\n", vlan)
		for i := 1; i <= n; i++ {
			fmt.Fprintf(&b, "      - w%d/ens1f%d\n", i, port)
		}
	}
	b.WriteString("clocks:\n  gm: {type: grandmaster, transmit: [w1/ens1f0]}\n")
	for i := 2; i <= n; i++ {
		fmt.Fprintf(&b, "  oc%d: {type: ordinary, receive: [w%d/ens1f0]}\n", i, i)
	}
	return b.Bytes()
}
