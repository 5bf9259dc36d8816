package specs

func operatorSpecs() []Spec { return nil }
