package node

import (
	"strings"
	"testing"
)

// TestAdmit wants the webhook to take what fails later, and to turn down the rest.
func TestAdmit(t *testing.T) {
	number := 1
	object := func(p Profile, recommended string) PtpConfig {
		p.Name = "p"
		return PtpConfig{
			APIVersion: APIVersion, Kind: Kind, Metadata: Metadata{Name: "x"},
			Spec: Spec{Profile: []Profile{p}, Recommend: []Recommend{{Profile: recommended, Priority: &number}}},
		}
	}
	for name, test := range map[string]struct {
		object PtpConfig
		later  string // what Validate says
		at     string // what Admit says, "" for nothing
	}{
		"no port":        {object(Profile{Ptp4lOpts: "-2"}, "p"), "no port", ""},
		"other program":  {object(Profile{ChronydOpts: "-d"}, "p"), "does not run this program", ""},
		"no profile":     {object(Profile{}, "q"), `no profile "q"`, ""},
		"no setting":     {object(Profile{PtpSettings: map[string]string{"x": ""}}, "p"), "not a known setting", "not a known setting"},
		"broken text":    {object(Profile{Ptp4lConf: "[x"}, "p"), "ptp4lConf", "ptp4lConf"},
		"other section":  {object(Profile{Interface: "a", Ptp4lConf: "[b]"}, "p"), "no section", "no section"},
		"no priority":    {object(Profile{PtpSchedulingPolicy: "SCHED_FIFO"}, "p"), "needs a ptpSchedulingPriority", "needs a ptpSchedulingPriority"},
		"spp for all":    {object(Profile{Ptp4lConf: "[global]\nspp 5"}, "p"), "only -1", "only -1"},
		"not a known ha": {object(Profile{PtpSettings: map[string]string{"haProfiles": "a b"}}, "p"), "haProfiles", "haProfiles"},
	} {
		if err := test.object.Validate(); err == nil || !strings.Contains(err.Error(), test.later) {
			t.Errorf("%s: Validate: %v, want %q", name, err, test.later)
		}
		err := test.object.Admit()
		if (err == nil) != (test.at == "") || err != nil && !strings.Contains(err.Error(), test.at) {
			t.Errorf("%s: Admit: %v, want %q", name, err, test.at)
		}
	}
}
