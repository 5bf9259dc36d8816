package specs

func validationSpecs() []Spec { return nil }
