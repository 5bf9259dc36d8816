// Package kube puts ptplab's PTP stack into a Kubernetes cluster: namespaces, kinds of object, rights, the operator with
// its webhook, and by it the daemon on every worker. To users it looks as upstream's does.
package kube
