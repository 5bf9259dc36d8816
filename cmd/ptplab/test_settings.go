package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/settings"
)

// suiteFlags gives a command a flag for every setting of the suite. The help shows the named ones; there are many, and
// ptplab test --explain lists them all.
func suiteFlags(cmd *cobra.Command, shown ...string) {
	all := pflag.NewFlagSet("suite", pflag.ContinueOnError)
	settings.AddFlags(all)
	all.VisitAll(func(f *pflag.Flag) { f.Hidden = true })
	for _, name := range shown {
		all.Lookup(name).Hidden = false
	}
	cmd.Flags().AddFlagSet(all)
	if mode := all.Lookup("mode"); !mode.Hidden {
		completeFlag(cmd, "mode", modeNames()...)
	}
}

func modeNames() []string {
	var names []string
	for _, mode := range ptpconfig.Modes() {
		names = append(names, string(mode))
	}
	return names
}

// configures says whether the suite is to configure the target itself. Users of a cluster know OC as the default; a lab has what
// its topology says, which is tested unless somebody asks for more.
func configures(t *target, s *settings.Settings) bool {
	if t.isLab && s.Origin("mode").Kind == settings.Default && !s.DiscoveryMode {
		return false
	}
	return s.Mode != ptpconfig.Discovery
}
