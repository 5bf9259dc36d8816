package fake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
)

// objectsOf makes a PtpConfig for each instance that says it has one.
func objectsOf(inventory sut.Inventory) map[string]ptpconfig.PtpConfig {
	all := map[string]ptpconfig.PtpConfig{}
	for _, i := range inventory.Instances {
		if i.Object == "" {
			continue
		}
		conf := ptpconfig.Conf("[global]\n").Set(ptpconfig.Global, "domainNumber", strconv.Itoa(i.Domain))
		switch i.Type {
		case sut.Grandmaster:
			conf = conf.Set(ptpconfig.Global, "clockClass", "6")
		case sut.Boundary:
			conf = conf.Set(ptpconfig.Global, "gmCapable", "0")
		}
		all[i.Object] = ptpconfig.PtpConfig{
			APIVersion: ptpconfig.APIVersion, Kind: ptpconfig.Kind, Metadata: ptpconfig.Metadata{Name: i.Object, Namespace: ptpconfig.Namespace},
			Spec: ptpconfig.Spec{
				Profile:   []ptpconfig.Profile{{Name: i.Name, Ptp4lOpts: new("-2"), Ptp4lConf: new(string(conf))}},
				Recommend: []ptpconfig.Recommend{{Profile: i.Name, Priority: 5, Match: []ptpconfig.Match{{NodeName: i.Node}}}},
			},
		}
	}
	return all
}

// Configs lists the objects.
func (w *World) Configs(context.Context) ([]ptpconfig.PtpConfig, error) {
	var all []ptpconfig.PtpConfig
	for _, name := range slices.Sorted(maps.Keys(w.objects)) {
		all = append(all, w.objects[name])
	}
	return all, nil
}

// PutConfig creates or replaces the object of an instance. The world has no other.
func (w *World) PutConfig(_ context.Context, object ptpconfig.PtpConfig) error {
	name := object.Metadata.Name
	if !slices.ContainsFunc(w.inventory.Instances, func(i sut.Instance) bool { return i.Object == name }) {
		return fmt.Errorf("PtpConfig %s is of no instance of this world", name)
	}
	w.objects[name] = object
	return nil
}

// DeleteConfig ends the instance of an object.
func (w *World) DeleteConfig(_ context.Context, name string) error {
	delete(w.objects, name)
	return nil
}

// Labels are none.
func (w *World) Labels(context.Context, string) ([]string, error) { return nil, nil }

// SetLabel cannot be done.
func (w *World) SetLabel(context.Context, string, string, bool) error {
	return errors.New("the nodes of this world have no labels")
}

// conf is the configuration of an instance, and whether it has one: it has none while its object is deleted.
func (w *World) conf(i sut.Instance) (ptpconfig.Conf, bool) {
	if i.Object == "" {
		return ptpconfig.Conf(fmt.Sprintf("[global]\ndomainNumber %d\nclockClass 248\n", i.Domain)), true
	}
	object, ok := w.objects[i.Object]
	if !ok {
		return "", false
	}
	return ptpconfig.Conf(*object.Spec.Profile[0].Ptp4lConf), true
}

// runs says whether an instance has a ptp4l.
func (w *World) runs(name string) bool {
	i, _ := w.inventory.Instance(name)
	_, ok := w.conf(i)
	return ok && !w.Stopped[name]
}

// ownClass is the clockClass of an instance itself, as linuxptp has it: one that may not become grandmaster has that of a receiver.
func (w *World) ownClass(name string) int {
	i, _ := w.inventory.Instance(name)
	conf, _ := w.conf(i)
	if capable, _ := conf.Get(ptpconfig.Global, "gmCapable"); i.Type == sut.Ordinary || capable == "0" {
		return 255
	}
	if text, ok := conf.Get(ptpconfig.Global, "clockClass"); ok {
		if class, err := strconv.Atoi(text); err == nil {
			return class
		}
	}
	return 248
}

// class is the clockClass of the grandmaster that an instance follows, its own if it follows none.
func (w *World) class(name string) int {
	switch above := w.clocks[name].parent; above {
	case "":
		return w.ownClass(name)
	case w.impostorAt:
		return 6
	default:
		return w.class(above)
	}
}

// announced is the class that those behind an instance hear.
func (w *World) announced(name string) int {
	if name == w.impostorAt {
		return 6
	}
	return w.class(name)
}

// threshold is the highest class that an instance follows, clock_class_threshold.
func threshold(i sut.Instance) int {
	if i.InSwitch {
		return 248
	}
	return 7
}

// configs prints the configuration files of a node as the script of the specs does.
func (w *World) configs(node string) sut.Result {
	var result sut.Result
	for _, i := range w.inventory.Instances {
		if conf, ok := w.conf(i); ok && i.Node == node {
			result.Stdout += fmt.Sprintf("==== %s\n#profile: %s\n\n%s\n", path.Base(i.Config), i.Name, conf)
		}
	}
	return result
}
