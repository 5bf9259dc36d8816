package topology

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"
)

// The comments of spec.go are the descriptions of the schema.
//
//go:embed spec.go
var specSource string

// Schema is the JSON Schema of topology files (draft 2020-12), made from the types of spec.go. Editors complete and
// check topologies with it; Parse checks more than a schema can say.
func Schema() ([]byte, error) {
	comments, err := commentsOf(specSource)
	if err != nil {
		return nil, fmt.Errorf("read the comments of the topology types: %w", err)
	}
	r := jsonschema.Reflector{
		Anonymous:      true,
		ExpandedStruct: true,
		Namer:          func(t reflect.Type) string { return strings.TrimSuffix(t.Name(), "Spec") },
		LookupComment:  func(t reflect.Type, field string) string { return comments[t.Name()+"."+field] },
		Mapper:         formOf,
	}
	s := r.Reflect(&Topology{})
	s.Title = "ptplab topology"
	out, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("write the schema: %w", err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, out, "", "  "); err != nil {
		return nil, fmt.Errorf("write the schema: %w", err)
	}
	indented.WriteByte('\n')
	return indented.Bytes(), nil
}

// commentsOf maps "Type.Field", and "Type." for the type itself, to the comments of a Go source.
func commentsOf(src string) (map[string]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "spec.go", src, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	comments := map[string]string{}
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.TYPE {
			continue
		}
		spec := gen.Specs[0].(*ast.TypeSpec)
		name := spec.Name.Name
		comments[name+"."] = sentence(gen.Doc.Text(), name)
		fields, ok := spec.Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, f := range fields.Fields.List {
			for _, id := range f.Names {
				comments[name+"."+id.Name] = strings.TrimSpace(f.Doc.Text())
			}
		}
	}
	return comments, nil
}

// sentence is a type's comment without the Go name that begins it: "NICSpec is a network card" becomes "A network card".
func sentence(comment, name string) string {
	text := strings.TrimPrefix(strings.TrimSpace(comment), name+" is ")
	return strings.ToUpper(text[:min(1, len(text))]) + text[min(1, len(text)):]
}

// formOf is the schema of the values that have a form of their own.
func formOf(t reflect.Type) *jsonschema.Schema {
	form := func(pattern string) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "string", Pattern: pattern}
	}
	choice := func(names ...any) *jsonschema.Schema { return &jsonschema.Schema{Type: "string", Enum: names} }
	switch t {
	case reflect.TypeFor[PortRef]():
		s := form(`^[a-z0-9-]+/[a-z][a-z0-9]*f[0-7]$`)
		s.Description = "A port: worker/interface, such as w1/ens1f0."
		return s
	case reflect.TypeFor[Duration]():
		return form(durations().pattern(true))
	case reflect.TypeFor[Frequency]():
		return form(frequencies().pattern(true))
	case reflect.TypeFor[Ratio]():
		return form(ratios().pattern(false))
	case reflect.TypeFor[ClockType]():
		return choice(ClockGrandmaster, ClockBoundary, ClockOrdinary)
	case reflect.TypeFor[NodeKind]():
		return choice(NodesPlain, NodesKind)
	}
	return nil
}

// JSONSchemaAlias makes a Named an object in the schema.
func (n Named[T]) JSONSchemaAlias() any { return map[string]T{} }

// JSONSchemaExtend adds what tags cannot say.
func (Topology) JSONSchemaExtend(s *jsonschema.Schema) {
	named(s, "workers", labelPattern(MaxWorkerName))
	named(s, "switches", labelPattern(MaxSwitchName))
	named(s, "grandmasters", labelPattern(MaxGrandmasterName))
	named(s, "clocks", labelPattern(MaxClockName))
	property(s, "name").Pattern = labelPattern(MaxLabName)
	property(s, "seed").Minimum = "0"
	property(s, "seed").Default = DefaultSeed
	s.Not = &jsonschema.Schema{Required: []string{"switch", "switches"}}
}

// JSONSchemaExtend adds what tags cannot say.
func (WorkerSpec) JSONSchemaExtend(s *jsonschema.Schema) {
	named(s, "nics", fmt.Sprintf(`^[a-z][a-z0-9]{0,%d}$`, MaxNICName-1))
}

// JSONSchemaExtend adds what tags cannot say.
func (SwitchSpec) JSONSchemaExtend(s *jsonschema.Schema) {
	named(s, "vlans", `^([1-9][0-9]{0,2}|[1-3][0-9]{3}|40[0-8][0-9]|409[0-4])$`)
	one := uint64(1)
	property(s, "vlans").AdditionalProperties.MinItems = &one
	property(s, "vlans").AdditionalProperties.UniqueItems = true
}

// JSONSchemaExtend adds what tags cannot say.
func (ClockSpec) JSONSchemaExtend(s *jsonschema.Schema) {
	property(s, "highAvailability").Pattern = labelPattern(MaxClockName)
}

// named gives an object of names at least one entry, and a pattern to the names.
func named(s *jsonschema.Schema, key, pattern string) {
	one := uint64(1)
	p := property(s, key)
	p.PropertyNames = &jsonschema.Schema{Pattern: pattern}
	p.MinProperties = &one
}

// property is a property of an object's schema.
func property(s *jsonschema.Schema, key string) *jsonschema.Schema {
	p, ok := s.Properties.Get(key)
	if !ok {
		panic("topology schema: no property " + key) // spec.go and schema.go differ: a test sees it
	}
	return p
}

// labelPattern is what checkLabel accepts.
func labelPattern(most int) string {
	return fmt.Sprintf(`^[a-z0-9]([a-z0-9-]{0,%d}[a-z0-9])?$`, most-2)
}
