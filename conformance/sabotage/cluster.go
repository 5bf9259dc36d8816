package sabotage

// clusterSabotages break what only a Kubernetes cluster has.
func clusterSabotages() []Sabotage { return nil }
