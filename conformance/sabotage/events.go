package sabotage

// eventsSabotages break notifications and what is measured for long.
func eventsSabotages() []Sabotage { return nil }
