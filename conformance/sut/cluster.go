package sut

// Cluster is implemented by a System that is a Kubernetes cluster with the PTP operator.
type Cluster interface {
	// IsCluster keeps other systems from being taken for one.
	IsCluster()
}
