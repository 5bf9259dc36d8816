package specs

func logsSpecs() []Spec { return nil }
