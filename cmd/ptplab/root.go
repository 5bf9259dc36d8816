package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// The groups in which the help lists the commands.
const (
	groupLabs  = "labs"
	groupUse   = "use"
	groupFiles = "files"
	groupHost  = "host"
)

// newRoot is the whole command line.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "ptplab",
		Short: "Make PTP test labs, test them and take them away",
		Long: `ptplab makes a PTP (IEEE 1588) test lab of what a topology file says: real
ptp4l, real Open vSwitch and a real kernel, with simulated network cards whose
clocks it knows the true error of.`,
		Example: `  ptplab up topologies/dnbc.yaml
  ptplab status
  ptplab test
  ptplab down`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		PersistentPreRun:  func(*cobra.Command, []string) { a.begin() },
	}
	root.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "no progress and no hints, only results and errors")
	root.PersistentFlags().BoolVarP(&a.verbose, "verbose", "v", false, "tell on stderr what is being done, for debugging")
	root.AddGroup(
		&cobra.Group{ID: groupLabs, Title: "Labs:"},
		&cobra.Group{ID: groupUse, Title: "In a lab:"},
		&cobra.Group{ID: groupFiles, Title: "Topology files:"},
		&cobra.Group{ID: groupHost, Title: "This machine:"},
	)
	add(root, groupLabs, upCommand(a), downCommand(a), statusCommand(a), testCommand(a))
	add(root, groupUse, runCommand(a), execCommand(a), kubeconfigCommand(a), loadCommand(a), linkCommand(a), logsCommand(a), collectCommand(a), applyCommand(a), discoverCommand(a), selftestCommand(a))
	add(root, groupFiles, validateCommand(a), graphCommand(a), schemaCommand(a))
	add(root, groupHost, doctorCommand(a), imageCommand(a), versionCommand(a), completionCommand(a))
	root.AddCommand(gatewayCommand(a), kindCreateCommand(a), podCommand(a), operatorCommand(a))
	root.AddCommand(daemonCommands(a)...)
	root.SetHelpCommandGroupID(groupHost)
	wrapHelp(root)
	root.SetUsageTemplate(usageTemplate(root))
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageErrorf("%w; see %s --help", err, cmd.CommandPath())
	})
	return root
}

// usageTemplate is cobra's with lines that fit a terminal, and a column for the names of the commands that are shown: cobra
// makes it as wide as the longest name of a hidden one.
func usageTemplate(root *cobra.Command) string {
	return strings.NewReplacer(".FlagUsages", ".FlagUsagesWrapped 80", "rpad .Name .NamePadding", "rpad .Name 11").Replace(root.UsageTemplate())
}

// wrapHelp breaks the explanations of all commands to lines that a terminal shows whole.
func wrapHelp(cmd *cobra.Command) {
	paragraphs := strings.Split(cmd.Long, "\n\n")
	for i, p := range paragraphs {
		if !strings.HasPrefix(p, "  ") { // a list has lines of its own
			paragraphs[i] = strings.Join(wrap(p, lineWidth), "\n")
		}
	}
	cmd.Long = strings.Join(paragraphs, "\n\n")
	for _, c := range cmd.Commands() {
		wrapHelp(c)
	}
}

func add(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, c := range commands {
		c.GroupID = group
		root.AddCommand(c)
	}
}

// exitNote is the end of a command's help: the exit statuses that a script would look at.
const exitNote = `

Exit status: 0 done, 1 failed, 2 bad usage or topology, 3 this machine is not
ready, 4 specs failed, 5 another command works on the lab, 130 interrupted.`
