package node

import (
	"slices"

	"github.com/ptplab/ptplab/lab/linuxptp"
)

// SecretNames are the secrets that the profiles take their security associations from, sorted. What cannot be read names
// none.
func (c *PtpConfig) SecretNames() []string {
	var names []string
	for i := range c.Spec.Profile {
		conf, err := linuxptp.ParseConfig(c.Spec.Profile[i].Ptp4lConf)
		if err != nil {
			continue
		}
		file, found := conf.Get(linuxptp.Global, "sa_file")
		if !found {
			continue
		}
		if secret, _, err := secretOf(file); err == nil {
			names = append(names, secret)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
