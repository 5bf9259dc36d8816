package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func versionCommand(a *app) *cobra.Command {
	var output formatValue
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version of ptplab",
		Long:    "Print the version of ptplab and what it was built with.",
		Example: "  ptplab version",
		Args:    between(0, 0),
		RunE: func(*cobra.Command, []string) error {
			v := buildVersion(debug.ReadBuildInfo())
			if output.format == "json" {
				return writeJSON(a.stdout, v)
			}
			_, err := fmt.Fprintln(a.stdout, v)
			return err
		},
	}
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

// version is what this binary is.
type version struct {
	Version  string `json:"version"`            // of the module, or "devel"
	Revision string `json:"revision,omitempty"` // of the sources
	Modified bool   `json:"modified,omitempty"` // the sources differ from the revision
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (v version) String() string {
	text := "ptplab " + v.Version
	if v.Revision != "" {
		text += " (" + v.Revision
		if v.Modified {
			text += ", modified"
		}
		text += ")"
	}
	return text + ", " + v.Go + ", " + v.Platform
}

func buildVersion(info *debug.BuildInfo, ok bool) version {
	v := version{Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if !ok {
		return v
	}
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value[:min(len(s.Value), 12)]
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}
