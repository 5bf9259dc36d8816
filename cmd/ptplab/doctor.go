package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/cmd/ptplab/host"
	"github.com/ptplab/ptplab/lab"
	"github.com/ptplab/ptplab/lab/image"
)

func doctorCommand(a *app) *cobra.Command {
	var output formatValue
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Tell whether this machine can make labs, and what to mend",
		Long: `Tell whether this machine can build and run labs, and what to do where it cannot.
It changes nothing.

Exit status: 0 it can, 3 it cannot.`,
		Example: `  ptplab doctor
  ptplab doctor -o json`,
		Args: between(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := thisHost(a)
			if err != nil {
				return err
			}
			checks := h.Checks(cmd.Context())
			if output.format == "json" {
				err = writeJSON(a.stdout, checks)
			} else {
				err = writeChecks(a.stdout, checks)
			}
			if err == nil && host.Failed(checks) {
				err = hostErrorf("this machine is not ready for labs; mend what is marked fail")
			}
			return err
		},
	}
	outputFlag(cmd, &output, "table", "json")
	return cmd
}

func thisHost(a *app) (host.Host, error) {
	home, err := lab.DefaultHome()
	if err != nil {
		return host.Host{}, err
	}
	dir, err := image.CacheDir()
	if err != nil {
		return host.Host{}, err
	}
	images, err := imagesOf(nil, image.Options{Log: a.log})
	if err != nil {
		return host.Host{}, err
	}
	return host.This(dir, home.Dir, images...), nil
}

// writeChecks writes a sentence a check, and below it what to do.
func writeChecks(w io.Writer, checks []host.Check) error {
	const indent = "      "
	var text strings.Builder
	for _, c := range checks {
		sentence := fmt.Sprintf("%s: %s (want %s)", c.Name, c.Seen, c.Want)
		lines := wrap(sentence, lineWidth-len(indent))
		fmt.Fprintf(&text, "%-6s%s\n", c.State, strings.Join(lines, "\n"+indent))
		if c.Fix != "" {
			fmt.Fprintf(&text, "%s-> %s\n", indent, c.Fix)
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// lineWidth is how wide text for people may be.
const lineWidth = 80

// wrap breaks a text between words; a word longer than the width stays whole.
func wrap(text string, width int) []string {
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		switch last := &lines[len(lines)-1]; {
		case *last == "":
			*last = word
		case len(*last)+1+len(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}
