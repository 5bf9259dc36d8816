package specs

func schedulingSpecs() []Spec { return nil }
