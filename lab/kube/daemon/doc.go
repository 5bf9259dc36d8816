// Package daemon is what runs on each node of a Kubernetes lab: lab/node in the place of linuxptp-daemon, and lab/events
// in that of cloud-event-proxy, each a container of one pod.
//
// The daemon follows the PtpConfig objects and the nodes of the cluster and runs what is recommended for its node. It
// reaches the cluster by watches alone, and lives through times without an API server: what runs keeps running. Beside
// what upstream's daemon serves, a Unix socket tells the other container what the node knows of its clocks.
package daemon
