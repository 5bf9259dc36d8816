package sabotage

// configurationSabotages break what follows from PtpConfig objects.
func configurationSabotages() []Sabotage { return nil }
