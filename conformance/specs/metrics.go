package specs

func metricsSpecs() []Spec { return nil }
