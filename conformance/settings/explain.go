package settings

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// The widths of the columns of Explain, in characters. With two blanks between them they are 80.
const (
	nameWidth   = 19
	valueWidth  = 27
	originWidth = 30
)

// Explain writes the value of every setting, and where it came from, as a table of 80 columns. Long cells go on in the
// next line.
func (s *Settings) Explain(w io.Writer) error {
	var b strings.Builder
	line := func(cells ...string) {
		b.WriteString(strings.TrimRight(fmt.Sprintf("%-*s  %-*s  %s", nameWidth, cells[0], valueWidth, cells[1], cells[2]), " ") + "\n")
	}
	line("SETTING", "VALUE", "FROM")
	for _, row := range Table() {
		names := wrap(row.Name, nameWidth)
		values := wrap(show(row.get(s)), valueWidth)
		origins := wrap(s.origins[row.Name].String(), originWidth)
		for i := range max(len(names), len(values), len(origins)) {
			line(at(names, i), at(values, i), at(origins, i))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

// wrap cuts a text into lines of at most so many characters: behind a blank, comma, slash or hyphen if there is one.
func wrap(text string, width int) (lines []string) {
	rest := []rune(plain(text))
	for len(rest) > width {
		end := width
		if i := strings.LastIndexAny(string(rest[:width]), " ,/-"); i > 0 {
			end = len([]rune(string(rest[:width])[:i+1]))
		}
		lines = append(lines, strings.TrimRight(string(rest[:end]), " "))
		rest = rest[end:]
	}
	return append(lines, string(rest))
}

// Explained is a setting as ExplainJSON writes it.
type Explained struct {
	Name     string `json:"name"`
	Value    string `json:"value"` // the effective one
	Origin   Origin `json:"origin"`
	Variable string `json:"variable,omitempty"`
	Key      string `json:"key,omitempty"`
	Default  string `json:"default"`
	Help     string `json:"help"`
}

// ExplainJSON writes what Explain does as a JSON array of Explained, in the order of Table.
func (s *Settings) ExplainJSON(w io.Writer) error {
	var all []Explained
	for _, row := range Table() {
		all = append(all, Explained{
			Name: row.Name, Value: show(row.get(s)), Origin: s.origins[row.Name],
			Variable: row.Variable, Key: row.Key, Default: row.Default, Help: strings.ReplaceAll(row.Help, "`", ""),
		})
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(all)
}
