// Package l2 finds out how the network ports of a system are cabled. Every port broadcasts probe frames and listens for those of
// the others and for PTP; from what was heard the package makes a graph of nodes, ports, LANs and grandmasters.
//
// The parts are separate: Discover probes from network namespaces of this kernel; Main does so on one node and prints reports for
// a reader elsewhere, as the pod of a DaemonSet; Merge makes the graph from reports, wherever they came from.
package l2
