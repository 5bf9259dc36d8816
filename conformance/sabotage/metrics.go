package sabotage

// metricsSabotages break what nodes tell of their clocks, and their processes.
func metricsSabotages() []Sabotage { return nil }
