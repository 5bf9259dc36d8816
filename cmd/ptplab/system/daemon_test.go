package system

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
)

func TestDaemonAndSecrets(t *testing.T) {
	f := &fakeLab{}
	s := New(f, nil)
	err := errors.Join(
		s.RestartDaemon(t.Context(), "w1"),
		s.PutSecret(t.Context(), ptpconfig.Secret{Name: "a", StringData: map[string]string{"k": "v"}}),
		s.DeleteSecret(t.Context(), "a"))
	if diff := cmp.Diff([]string{"restart w1", "secret a 1", "delete secret a"}, f.calls); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if ready, why, err := s.Ready(t.Context(), "w1"); ready || why != "No processes have started" || err != nil {
		t.Errorf("ready %v, %q, %v", ready, why, err)
	}
	f.refused = "bad key"
	var refused *sut.RefusedError
	if err := s.PutSecret(t.Context(), ptpconfig.Secret{Name: "a"}); !errors.As(err, &refused) || *refused != (sut.RefusedError{Object: "Secret a", Reason: "bad key"}) {
		t.Errorf("refused secret: %v", err)
	}
}

func TestLoadsAndDevices(t *testing.T) {
	f := &fakeLab{}
	s := New(f, nil)
	loads, err := s.Loads(t.Context(), time.Minute)
	want := []sut.Load{{Node: "w1", PodType: "linuxptp-daemon", Pod: "linuxptp-daemon-w1", Container: "linuxptp-daemon-container", Millicores: 12.5}}
	if diff := cmp.Diff(want, loads); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	devices, err := s.Devices(t.Context(), "w1")
	if diff := cmp.Diff([]sut.Device{{Name: "ens1f0", PCI: "0000:1f:01.0", Vendor: "0x8086", Driver: "ice"}}, devices); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	f.refused = "virtual"
	var unavailable *sut.UnavailableError
	if _, err := s.Loads(t.Context(), time.Minute); !errors.As(err, &unavailable) || unavailable.Reason != "virtual" {
		t.Errorf("loads in virtual time: %v", err)
	}
}
