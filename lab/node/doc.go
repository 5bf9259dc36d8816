// Package node is a plain worker: it applies PtpConfig objects of upstream's schema (ptp.openshift.io/v1) by running
// ptp4l, phc2sys and ts2phc in a network namespace, restarts what dies, follows their logs, and serves the metrics that
// linuxptp-daemon and its event proxy serve.
//
// It differs from linuxptp-daemon where that one gives a test nothing but waiting: a change of one profile leaves the
// processes of the others running, and no step waits for a fixed time.
//
// Everything about one node happens in one goroutine that wakes at aligned instants and then reads all that its
// processes wrote since. In virtual time a wake-up is what costs, and aligned instants let all nodes of a lab share one.
package node
