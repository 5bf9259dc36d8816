package specs

func profilesSpecs() []Spec { return nil }
