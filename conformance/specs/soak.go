package specs

func soakSpecs() []Spec { return nil }
