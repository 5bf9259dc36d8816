package main

import (
	"testing"

	"github.com/ptplab/ptplab/lab/kube/operator"
)

func TestOperatorOptions(t *testing.T) {
	variables := map[string]string{"NAME_SPACE": "n", "POD_NAME": "p", "PTPLAB_IMAGE": "i", "PTPLAB_SHARED_CLOCK": "1"}
	get := func(name string) string { return variables[name] }
	if got, want := operatorOptions(get, nil), (operator.Options{Namespace: "n", Identity: "p", Image: "i", SharedClock: true}); got.Namespace != want.Namespace ||
		got.Identity != want.Identity || got.Image != want.Image || got.SharedClock != want.SharedClock {
		t.Errorf("%+v, want %+v", got, want)
	}
	variables["PTPLAB_SHARED_CLOCK"] = "0"
	if operatorOptions(get, nil).SharedClock {
		t.Error("the clock is shared")
	}
}

// TestOperatorOutsideAPod wants a plain error where there is no cluster.
func TestOperatorOutsideAPod(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	cmd := operatorCommand(&app{stderr: t.Output()})
	cmd.SetArgs(nil)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	if err := cmd.ExecuteContext(t.Context()); err == nil {
		t.Error("it ran")
	}
}
