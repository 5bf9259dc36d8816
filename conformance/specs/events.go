package specs

func eventsSpecs() []Spec { return nil }
