// Package cluster makes a Kubernetes cluster with the PTP operator the system under test of the conformance suite, by client-go.
//
// What the suite creates carries the label app.kubernetes.io/managed-by=ptplab-suite. What it changes of others' objects, and of
// nodes, it first writes down in a secret, the journal. Sweep deletes the one and restores the other, also after a run that was
// killed.
package cluster
