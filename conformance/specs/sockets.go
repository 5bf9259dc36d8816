package specs

func socketsSpecs() []Spec { return nil }
