package specs

func securitySpecs() []Spec { return nil }
