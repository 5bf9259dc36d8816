package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
)

// FuzzVariables gives two variables any text, and the others none. What is accepted can be explained, and gives the same a
// second time.
func FuzzVariables(f *testing.F) {
	var names []string
	for _, row := range Table() {
		if row.Variable != "" && row.Name != configFile {
			names = append(names, row.Variable)
			f.Add(uint8(len(names)-1), row.Default, uint8(0), "")
		}
	}
	f.Add(uint8(1), "dualnicbcha", uint8(2), "False")
	f.Fuzz(func(t *testing.T, a uint8, textA string, b uint8, textB string) {
		variables := map[string]string{names[int(a)%len(names)]: textA, names[int(b)%len(names)]: textB}
		lookup := func(name string) (string, bool) { text, ok := variables[name]; return text, ok }
		none := func(string) ([]byte, error) { return nil, errors.New("no file") }
		settings, err := Resolve(Input{nil, lookup, none})
		if err != nil {
			if settings != nil || err.Error() == "" {
				t.Fatalf("%v with %v", err, settings)
			}
			return
		}
		var first, second bytes.Buffer
		again, err := Resolve(Input{nil, lookup, none})
		if err != nil {
			t.Fatalf("the second time: %v", err)
		}
		if err := errors.Join(settings.ExplainJSON(&first), again.ExplainJSON(&second), settings.Explain(&bytes.Buffer{})); err != nil {
			t.Fatal(err)
		}
		if !json.Valid(first.Bytes()) || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Fatalf("%s\nand then\n%s", &first, &second)
		}
	})
}
