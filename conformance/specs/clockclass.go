package specs

func clockClassSpecs() []Spec { return nil }
