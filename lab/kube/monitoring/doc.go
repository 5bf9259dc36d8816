// Package monitoring is the monitoring of a lab's cluster: a small Prometheus that collects what containers use and what the
// PTP daemons tell, under the names by which OpenShift's monitoring is found and asked.
package monitoring
