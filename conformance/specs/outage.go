package specs

func outageSpecs() []Spec { return nil }
