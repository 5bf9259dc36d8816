package settings

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxFile is the largest configuration file that is read, in bytes.
const maxFile = 1 << 20

// file is a configuration file: the texts of its keys, as their flags would have them.
type file struct {
	name    string
	lines   []string
	entries map[string]entry // by key, "global.maxoffset"
	faults  Faults
	rows    map[string]Setting // of the table, by key
}

// entry is a value and where it stands.
type entry struct {
	text string
	at   span
}

// parseFile reads a configuration file. The error, if any, is of type Faults and has everything that is wrong. It needs
// bounded time and memory whatever the data, and does not panic.
func parseFile(name string, data []byte) (*file, error) {
	f := &file{name: name, entries: map[string]entry{}, rows: map[string]Setting{}}
	f.lines = strings.Split(strings.ToValidUTF8(string(data[:min(len(data), maxFile)]), string(utf8.RuneError)), "\n")
	for _, row := range Table() {
		if row.Key != "" {
			f.rows[row.Key] = row
		}
	}
	if len(data) > maxFile {
		f.add(span{1, 1, 1}, "is this the right file?", "the file is larger than 1 MiB")
	} else if root := f.yaml(data); root != nil {
		f.section(root, "", span{root.Line, root.Column, 1})
	}
	return f, f.err()
}

// yaml gives the only document of the file, nil if there is none to go on with.
func (f *file) yaml(data []byte) (root *yaml.Node) {
	defer func() {
		if p := recover(); p != nil { // the YAML parser meets text from anywhere
			f.add(f.word(1), "", "the YAML parser gave up: %v", p)
			root = nil
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	err := decoder.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF) || err == nil && isNull(doc.Content[0]):
		f.add(f.word(1), "it holds the sections global and soaktest", "the file holds no settings")
		return nil
	case err != nil:
		f.syntax(err)
		return nil
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		f.add(span{second.Line, second.Column, 1}, "remove the line with ---", "a second YAML document begins here")
	case !errors.Is(err, io.EOF):
		f.syntax(err)
	}
	return doc.Content[0]
}

// syntax adds a fault for an error of the YAML parser, "yaml: line 3: did not find expected key". Complaints about the
// order of words count lines from 0.
func (f *file) syntax(err error) {
	m := regexp.MustCompile(`^yaml: (?:line ([0-9]+): )?(.*)`).FindStringSubmatch(err.Error())
	if m == nil {
		f.add(f.word(1), "", "not YAML: %s", quote(err.Error()))
		return
	}
	line, _ := strconv.Atoi(m[1])
	if strings.Contains(m[2], "did not find expected") {
		line++
	}
	f.add(f.word(line), "look at this line and at the one above it", "not YAML: %s", plain(m[2]))
}

// word is the span of the first word of a line.
func (f *file) word(line int) span {
	line = max(1, min(line, len(f.lines)))
	rest := strings.TrimLeft(f.lines[line-1], " \t")
	first, _, _ := strings.Cut(rest, " ")
	indent := utf8.RuneCountInString(f.lines[line-1]) - utf8.RuneCountInString(rest)
	return span{line, indent + 1, max(1, utf8.RuneCountInString(first))}
}

// section reads a mapping; path is its key, "" for the whole file.
func (f *file) section(n *yaml.Node, path string, at span) {
	f.pairs(n, cmp.Or(path, "the file"), at, func(key string, at span, value *yaml.Node) {
		full := strings.TrimPrefix(path+"."+key, ".")
		row, known := f.rows[full]
		instead, retired := ignored()[full]
		switch {
		case retired:
			f.add(at, instead, "nothing reads %s", full)
		case isNull(value) && (known || f.isSection(full)):
			f.add(at, "give it a value or leave it out", "%s is empty", full)
		case full == podsKey:
			f.pods(value, at)
		case known:
			f.value(value, row)
		case f.isSection(full):
			f.section(value, full, at)
			f.implied(full, at)
		default:
			f.add(at, f.near(path, key), "unknown key %s", quote(full))
		}
	})
}

// implied turns on a soak test whose section is there and does not say.
func (f *file) implied(path string, at span) {
	if key, found := specs()[path]; found {
		if _, said := f.entries[key]; !said {
			f.entries[key] = entry{"true", at}
		}
	}
}

// pairs calls each for the keys of a mapping.
func (f *file) pairs(n *yaml.Node, name string, at span, each func(key string, at span, value *yaml.Node)) {
	if n = resolve(n); n.Kind != yaml.MappingNode {
		f.add(at, "write its keys below it, indented", "%s must be a mapping (key: value)", name)
		return
	}
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content) && len(f.faults) < maxFaults; i += 2 {
		key, at := resolve(n.Content[i]), spanOf(n.Content[i])
		switch line, twice := first[key.Value], first[key.Value] > 0; {
		case key.Kind != yaml.ScalarNode || key.Value == "<<":
			f.add(at, "", "a key must be plain text")
		case twice:
			f.add(at, "leave one of them out", "%s appears twice in %s, first on line %d", quote(key.Value), name, line)
		default:
			first[key.Value] = at.line
			each(key.Value, at, n.Content[i+1])
		}
	}
}

// value reads the value of a setting.
func (f *file) value(n *yaml.Node, row Setting) {
	at := spanOf(n)
	if n = resolve(n); n.Kind != yaml.ScalarNode {
		f.add(at, "", "%s must be a single value", row.Key)
		return
	}
	text := n.Value
	if quoted := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0; quoted && row.shape != isText {
		f.add(at, "leave out the quotes", "%s must be a value, not a text in quotes", row.Key)
		return
	}
	if row.shape == isBool {
		var ok bool
		if text, ok = yamlBool(text); !ok {
			f.add(at, "", "%s: %q is neither true nor false", row.Key, quote(text))
			return
		}
	}
	if err := row.set(&Settings{}, text); err != nil {
		f.add(at, "", "%s: %s", row.Key, quoteError(err))
		return
	}
	f.entries[row.Key] = entry{text, at}
}

// quoteError is an error about a value of the file, fit for a terminal.
func quoteError(err error) string { return plain(strings.ReplaceAll(err.Error(), "\n", " ")) }

// yamlBool gives the text of a flag for what YAML 1.1 takes for true or false.
func yamlBool(text string) (string, bool) {
	switch strings.ToLower(text) {
	case "true", "yes", "on", "y":
		return "true", true
	case "false", "no", "off", "n":
		return "false", true
	}
	return text, false
}

// pods reads the list of limits of pods.
func (f *file) pods(n *yaml.Node, at span) {
	if n = resolve(n); n.Kind != yaml.SequenceNode {
		f.add(at, `such as [{pod_type: "ptp-operator", cpu_threshold_mcores: 60}]`, "%s must be a list", podsKey)
		return
	}
	if len(n.Content) > maxPods {
		f.add(at, "", "%s has %d items, more than %d", podsKey, len(n.Content), maxPods)
		return
	}
	var items []string
	for _, item := range n.Content {
		if text, ok := f.pod(item); ok {
			items = append(items, text)
			if _, err := parsePods(strings.Join(items, ",")); err != nil {
				f.add(spanOf(item), "", "%s: %s", podsKey, quoteError(err))
				items = items[:len(items)-1]
			}
		}
	}
	f.entries[podsKey] = entry{strings.Join(items, ","), at}
}

// pod gives an item of the list as the flag would have it.
func (f *file) pod(item *yaml.Node) (text string, ok bool) {
	const kind, container, limit = "pod_type", "container", "cpu_threshold_mcores"
	known, found := []string{kind, container, limit}, map[string]string{}
	before := len(f.faults)
	f.pairs(item, "an item of "+podsKey, spanOf(item), func(key string, at span, value *yaml.Node) {
		value = resolve(value)
		switch {
		case !slices.Contains(known, key):
			f.add(at, "the keys here are "+strings.Join(known, ", "), "unknown key %s", quote(key))
		case value.Kind != yaml.ScalarNode || value.Value == "" || strings.ContainsAny(value.Value, ",=/"):
			f.add(at, "", "%s must be a single word or number", key)
		default:
			found[key] = value.Value
		}
	})
	if len(f.faults) > before {
		return "", false
	}
	for _, key := range []string{kind, limit} {
		if found[key] == "" {
			f.add(spanOf(item), "", "an item of %s has no %s", podsKey, key)
			return "", false
		}
	}
	text = found[kind]
	if found[container] != "" {
		text += "/" + found[container]
	}
	return text + "=" + found[limit], true
}

// isSection tells whether keys of the table are below a path.
func (f *file) isSection(path string) bool {
	for key := range f.rows {
		if strings.HasPrefix(key, path+".") {
			return true
		}
	}
	return false
}

// near is a hint for an unknown key: where such a key is known, else which are known here.
func (f *file) near(path, key string) string {
	var here []string
	for _, full := range slices.Sorted(maps.Keys(f.rows)) {
		rest, below := strings.CutPrefix("."+full, strings.TrimSuffix("."+path, ".")+".")
		if child, _, _ := strings.Cut(rest, "."); below && !slices.Contains(here, child) {
			here = append(here, child)
		}
	}
	for _, child := range here {
		if squash(child) == squash(key) {
			return "the key is " + child
		}
	}
	for _, within := range []string{path + ".", ""} {
		for _, full := range slices.Sorted(maps.Keys(f.rows)) {
			if strings.HasPrefix(full, within) && strings.HasSuffix(full, "."+key) {
				return "it belongs below " + strings.TrimSuffix(full, "."+key)
			}
		}
	}
	return "the keys here are " + strings.Join(here, ", ")
}

// squash is a key without what people get wrong: case, hyphens and underscores.
func squash(key string) string {
	return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(key))
}

// spanOf is where a node stands, as far as it is on its first line.
func spanOf(n *yaml.Node) span {
	length := 1
	if n.Kind == yaml.ScalarNode && !strings.Contains(n.Value, "\n") {
		length = max(1, utf8.RuneCountInString(n.Value))
		if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
			length += len(`""`)
		}
	}
	return span{n.Line, n.Column, length}
}

// resolve follows an alias to what it stands for.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool {
	n = resolve(n)
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}
