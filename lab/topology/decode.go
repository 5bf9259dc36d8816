package topology

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// path is the way to a value from the top of the file.
type path string

func (p path) key(name string) path { return p + "\x00" + path(name) }
func (p path) index(i int) path     { return p.key(strconv.Itoa(i)) }

// last is the final key of the path.
func (p path) last() string { return string(p[strings.LastIndexByte(string(p), 0)+1:]) }

// mark is where a key and its value stand in the file.
type mark struct{ key, value span }

// maxValues bounds the work on a file whose aliases multiply.
const maxValues = 200_000

// decoder turns YAML nodes into the types of the file. Whatever does not fit is a fault; it then goes on.
type decoder struct {
	*collector
	marks   map[path]mark
	broken  map[path]bool // what has a fault in or below it
	lost    map[path]bool // what could not be read at all, or is missing
	values  int           // values read so far
	stopped bool
}

// textValue is a value that the file writes as text of its own form.
type textValue interface{ parseText(string) error }

// mapping is a Named of any type.
type mapping interface {
	// addEntry appends an entry and returns the address of its value, good until the next call.
	addEntry(name string) any
}

func (n *Named[T]) addEntry(name string) any {
	*n = append(*n, Entry[T]{Name: name})
	return &(*n)[len(*n)-1].Value
}

// fault adds a fault about a value, and marks it and all that it is part of as broken.
func (d *decoder) fault(at path, where span, message, hint string) {
	d.lost[at] = true
	d.breakAt(at)
	d.add(where, message, hint)
}

func (d *decoder) breakAt(at path) {
	for p := at; p != ""; p = p[:strings.LastIndexByte(string(p), 0)] {
		d.broken[p] = true
	}
}

// value reads node n into v, which is addressable.
func (d *decoder) value(n *yaml.Node, v reflect.Value, at path, key span) {
	if d.values++; d.values > maxValues && !d.stopped {
		d.stopped = true
		d.fault(at, d.spanOf(n), fmt.Sprintf("this topology has more than %d values", maxValues), "each use of a YAML alias (*name) counts like a copy of what it stands for")
	}
	if d.stopped || d.full() {
		return
	}
	where := d.spanOf(n)
	n = resolve(n)
	if isNull(n) && key.line > 0 {
		where = key
	}
	d.marks[at] = mark{key, where}
	if n.Style&yaml.TaggedStyle != 0 {
		d.fault(at, where, fmt.Sprintf("YAML tag %s is not understood here", show(n.Tag)), "leave the tag out")
		return
	}
	if isNull(n) {
		d.fault(at, where, label(at)+" is empty", exampleOf(at, "give it a value or leave the key out"))
		return
	}
	d.into(n, v, at, where)
}

func (d *decoder) into(n *yaml.Node, v reflect.Value, at path, where span) {
	if t, ok := v.Addr().Interface().(textValue); ok {
		d.text(n, t, at, where)
		return
	}
	if m, ok := v.Addr().Interface().(mapping); ok {
		d.entries(n, m, at, where)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.into(n, v.Elem(), at, where)
	case reflect.Struct:
		d.structure(n, v, at, where)
	case reflect.Slice:
		d.list(n, v, at, where)
	default:
		d.scalar(n, v, at, where)
	}
}

// text reads a value that has a form of its own.
func (d *decoder) text(n *yaml.Node, t textValue, at path, where span) {
	if n.Kind != yaml.ScalarNode {
		d.mismatch(n, at, where, "text")
		return
	}
	if err := t.parseText(n.Value); err != nil {
		d.breakAt(at)
		d.addProblem(where, err)
	}
}

// entries reads a mapping whose keys are names.
func (d *decoder) entries(n *yaml.Node, m mapping, at path, where span) {
	d.pairs(n, at, where, func(name string, key span, value *yaml.Node) {
		d.value(value, reflect.ValueOf(m.addEntry(name)).Elem(), at.key(name), key)
	})
}

// structure reads a mapping whose keys are the fields of a struct.
func (d *decoder) structure(n *yaml.Node, v reflect.Value, at path, where span) {
	fields := fieldsOf(v)
	seen := map[string]bool{}
	ok := d.pairs(n, at, where, func(name string, key span, value *yaml.Node) {
		f, known := find(fields, name)
		if !known {
			seen[d.unknownKey(name, key, fields, at)] = true
			return
		}
		seen[name] = true
		d.value(value, f.value, at.key(name), key)
	})
	if !ok {
		return
	}
	for _, f := range fields {
		if f.required && !seen[f.name] {
			d.missing(f.name, at, where)
		}
	}
}

// missing adds a fault about a key that must be there; it stands at the key whose value lacks it.
func (d *decoder) missing(name string, at path, where span) {
	what := name + " is missing"
	if at != "" {
		what = label(at) + " has no " + name
		if key := d.marks[at].key; key.line > 0 {
			where = key
		}
	}
	d.fault(at.key(name), where, what, exampleOf(at.key(name), "add "+name))
}

// unknownKey adds a fault about a key, and returns the key that was probably meant.
func (d *decoder) unknownKey(name string, key span, fields []field, at path) (seen string) {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	hint := didYouMean(name, names, "the keys here are: "+strings.Join(names, ", "))
	if name == "<<" {
		hint = "merge keys are not understood; an alias as a whole value is"
	}
	d.breakAt(at)
	if near := nearest(name, names); near != "" {
		d.lost[at.key(near)] = true
		seen = near
	}
	d.add(key, "unknown key "+show(name), hint)
	return seen
}

// pairs calls each for the keys of a mapping; a key that comes twice is a fault. It says whether n is a mapping.
func (d *decoder) pairs(n *yaml.Node, at path, where span, each func(name string, key span, value *yaml.Node)) bool {
	if n.Kind != yaml.MappingNode {
		d.mismatch(n, at, where, "a mapping (key: value)")
		return false
	}
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content) && !d.stopped && !d.full(); i += 2 {
		key := d.spanOf(n.Content[i])
		k := resolve(n.Content[i])
		if k.Kind != yaml.ScalarNode || k.Style&yaml.TaggedStyle != 0 {
			d.fault(at, key, "a key must be plain text", exampleOf(at, "write the keys as in the topologies that come with ptplab"))
			continue
		}
		if line, twice := first[k.Value]; twice {
			d.fault(at.key(k.Value), key, fmt.Sprintf("%s appears twice in %s", show(k.Value), label(at)), fmt.Sprintf("it is first on line %d; leave one of them out", line))
			continue
		}
		first[k.Value] = key.line
		each(k.Value, key, n.Content[i+1])
	}
	return true
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, at path, where span) {
	if n.Kind != yaml.SequenceNode {
		d.mismatch(n, at, where, "a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		d.value(item, v.Index(i), at.index(i), span{})
	}
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value, at path, where span) {
	want := map[reflect.Kind]string{reflect.String: "text", reflect.Bool: "true or false"}[v.Kind()]
	if want == "" {
		want = "a whole number"
	}
	ok := false
	switch tag := n.ShortTag(); {
	case n.Kind != yaml.ScalarNode:
	case v.Kind() == reflect.String:
		if ok = tag == "!!str"; ok {
			v.SetString(n.Value)
		}
	case v.Kind() == reflect.Bool:
		if ok = tag == "!!bool" && n.Style == 0; ok {
			v.SetBool(strings.EqualFold(n.Value, "true"))
		}
	case tag == "!!int" && n.Style == 0:
		ok = d.number(n.Value, v)
	}
	if !ok {
		d.mismatch(n, at, where, want)
	}
}

// number reads a plain decimal number.
func (d *decoder) number(text string, v reflect.Value) bool {
	if v.Kind() == reflect.Uint64 {
		u, err := strconv.ParseUint(text, 10, 64)
		v.SetUint(u)
		return err == nil
	}
	i, err := strconv.ParseInt(text, 10, 32) // every number of the file is small
	v.SetInt(i)
	return err == nil
}

// mismatch adds a fault about a value of the wrong type.
func (d *decoder) mismatch(n *yaml.Node, at path, where span, want string) {
	what := label(at) + " is " + kindOf(n) + ", but must be " + want
	hint := exampleOf(at, "give it a value of its type or leave the key out")
	switch {
	case want == "a whole number" && n.Kind == yaml.ScalarNode && n.ShortTag() == "!!int":
		what = label(at) + " is " + show(n.Value) + ", but must be a whole number in its range"
		hint = "write it in decimal digits only"
	case want == "a whole number" && n.Kind == yaml.ScalarNode && onlyDigits(n.Value):
		hint = "leave out the quotes"
	case want == "a list" && n.Kind == yaml.ScalarNode:
		hint = fmt.Sprintf("write it in brackets: [%s]", show(n.Value))
	case want == "text" && n.Kind == yaml.ScalarNode:
		hint = fmt.Sprintf("put it in quotes: %q", clip(n.Value))
	case want == "true or false" && n.Kind == yaml.ScalarNode:
		hint = "write true or false, without quotes"
	}
	d.fault(at, where, what, hint)
}

// spanOf is where a node stands, as far as it is on its first line.
func (d *decoder) spanOf(n *yaml.Node) span {
	length := 1
	switch {
	case n.Kind == yaml.AliasNode:
		length = utf8.RuneCountInString(n.Value) + len("*")
	case n.Kind == yaml.ScalarNode && n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		length = utf8.RuneCountInString(n.Value) + len(`""`)
	case n.Kind == yaml.ScalarNode:
		length = utf8.RuneCountInString(n.Value)
	}
	length = min(length, d.src.length(n.Line)-n.Column+1)
	return span{n.Line, n.Column, max(1, length)}
}

// resolve follows an alias to what it stands for.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func onlyDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// kindOf is what a node is, in words.
func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!int":
		return "the number " + show(n.Value)
	case "!!float":
		return "the number " + show(n.Value)
	case "!!bool":
		return show(n.Value)
	}
	return "the text " + show(n.Value)
}

// label is how a message calls the value at a path.
func label(at path) string {
	last := at.last()
	switch {
	case at == "":
		return "the topology"
	case onlyDigits(last) && strings.HasSuffix(string(at[:len(at)-len(last)-1]), "vlans"):
		return "VLAN " + last
	case onlyDigits(last):
		i, _ := strconv.Atoi(last)
		return fmt.Sprintf("item %d of %s", i+1, label(at[:len(at)-len(last)-1]))
	}
	return show(last)
}

// exampleOf is a hint that shows how a key is written, or the fallback.
func exampleOf(at path, fallback string) string {
	last := at.last()
	if parent := at[:max(0, len(at)-len(last)-1)]; onlyDigits(last) || parent.last() == "vlans" {
		last = parent.last()
	}
	if e, ok := examples()[last]; ok {
		return e
	}
	if e, ok := examples()[at[:max(0, len(at)-len(at.last())-1)].last()]; ok && at != "" {
		return e
	}
	return fallback
}

// examples show how each key is written.
func examples() map[string]string {
	return map[string]string{
		"":                 "a topology begins with apiVersion: " + APIVersion,
		"apiVersion":       "write apiVersion: " + APIVersion,
		"kind":             "write kind: " + Kind,
		"name":             "write name: and a name for the lab, such as name: dnbc",
		"workers":          "such as workers: {w1: {nics: {ens1: {ports: 2}}}}",
		"nics":             "such as nics: {ens1: {ports: 2}}",
		"switch":           "such as switch: {vlans: {1500: [w1/ens1f0, w2/ens2f0]}}",
		"switches":         "such as switches: {sw1: {vlans: {1500: [w1/ens1f0, w2/ens2f0]}}}",
		"vlans":            "such as vlans: {1500: [w1/ens1f0, w2/ens2f0]}",
		"ptp":              "such as ptp: {profile: g8275.1, domain: 24}",
		"cables":           "such as cables: [{between: [w1/ens1f0, w2/ens2f0], delay: 100ns}]",
		"between":          "such as between: [w1/ens1f0, w2/ens2f0]",
		"grandmasters":     "such as grandmasters: {gm1: {vlan: 1500}}",
		"vlan":             "such as vlan: 1500",
		"clocks":           "such as clocks: {oc1: {type: ordinary, receive: [w1/ens1f0]}}",
		"type":             "write type: grandmaster, boundary or ordinary",
		"receive":          "such as receive: [w1/ens1f0]",
		"transmit":         "such as transmit: [w1/ens1f1]",
		"cluster":          "such as cluster: {nodes: plain}",
		"nodes":            "write nodes: plain or nodes: kind",
		"seed":             "such as seed: 7",
		"ports":            "such as ports: 2",
		"offset":           "such as offset: 20us",
		"drift":            "such as drift: 12ppb",
		"wander":           "such as wander: 0.5ppb",
		"profile":          "write profile: g8275.1",
		"domain":           "such as domain: 24",
		"port":             "such as port: w1/ens1f0",
		"delay":            "such as delay: 100ns",
		"asymmetry":        "such as asymmetry: 40ns",
		"jitter":           "such as jitter: 5ns",
		"loss":             "such as loss: 0.1%",
		"cable":            "such as cable: {delay: 1us}",
		"clockClass":       "such as clockClass: 6",
		"priority1":        "such as priority1: 128",
		"priority2":        "such as priority2: 128",
		"systemClock":      "such as systemClock: true",
		"highAvailability": "such as highAvailability: ha1",
	}
}

// field is a key that a struct of the file has.
type field struct {
	name     string
	required bool
	value    reflect.Value
}

// fieldsOf lists the keys of a struct, those of embedded structs included.
func fieldsOf(v reflect.Value) []field {
	var fields []field
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			fields = append(fields, fieldsOf(v.Field(i))...)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields = append(fields, field{name, options != "omitempty", v.Field(i)})
	}
	return fields
}

func find(fields []field, name string) (field, bool) {
	for _, f := range fields {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}
