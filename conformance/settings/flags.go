package settings

import "github.com/spf13/pflag"

// AddFlags gives a command a flag for every setting. Resolve takes the same flags. A flag complains as soon as it is
// given a bad value.
func AddFlags(flags *pflag.FlagSet) {
	for _, row := range Table() {
		help := row.Help
		switch {
		case row.Variable != "":
			help += " [$" + row.Variable + "]"
		case row.Key != "":
			help += " [" + row.Key + "]"
		}
		flag := flags.VarPF(&flagValue{row: row, text: row.Default}, row.Name, "", help)
		if row.shape == isBool {
			flag.NoOptDefVal = "true"
		}
	}
}

// flagValue keeps the text of a flag. It is a pflag.Value.
type flagValue struct {
	row  Setting
	text string
}

// Set takes a text that the setting can read.
func (v *flagValue) Set(text string) error {
	if err := v.row.set(&Settings{}, text); err != nil {
		return err
	}
	v.text = text
	return nil
}

// String is the text.
func (v *flagValue) String() string { return v.text }

// Type is the word that stands for the value in a command's help, if the help has none in backquotes.
func (v *flagValue) Type() string {
	return [...]string{isText: "string", isBool: "bool", isNumber: "int", isList: "string"}[v.row.shape]
}
