//go:build lab

package lab_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ptplab/ptplab/lab"
)

// signedObjects are the PtpConfig objects of two clocks on a cable, each of which signs with the keys of its own file.
func signedObjects(transmitter, receiver string) string {
	conf := func(keys, port, masterOnly, more string) string {
		return fmt.Sprintf(`        [global]
        domainNumber 24
        logAnnounceInterval -3
        logSyncInterval -4
        logMinDelayReqInterval -4
        sa_file /etc/ptp-secret-mount/%s/sa.conf
        spp -1
%s        [%s]
        masterOnly %s
        spp 1
        active_key_id 1
`, keys, more, port, masterOnly)
	}
	return `apiVersion: ptp.openshift.io/v1
kind: PtpConfig
metadata: {name: signed, namespace: openshift-ptp}
spec:
  profile:
    - name: gm
      ptp4lOpts: "-2"
      ptp4lConf: |
` + conf(transmitter, "ens2f0", "1", "        clockClass 6\n") + `    - name: oc1
      ptp4lOpts: "-2 -s"
      ptp4lConf: |
` + conf(receiver, "ens1f0", "0", "") + `  recommend:
    - {profile: gm, priority: 4, match: [{nodeName: w2}]}
    - {profile: oc1, priority: 4, match: [{nodeName: w1}]}
`
}

// TestSignedMessages lets two clocks sign their messages (sa_file, spp): with the same keys the receiver locks, with others
// it believes nothing and says so.
func TestSignedMessages(t *testing.T) {
	b := newBench(t)
	b.up(b.write("signed.yaml", ocText("signed", 3, "")))
	if version := strings.TrimSpace(b.must("exec", "w1", "--", "ptp4l", "-v")); version < "4.4" {
		t.Skipf("linuxptp %s does not sign", version)
	}
	l := b.open("signed")
	for name, key := range map[string]string{"ours": "FAF48EBA01E7C5966A76CB787AED4E7B", "theirs": "0AF48EBA01E7C5966A76CB787AED4E7B"} {
		text := fmt.Sprintf("[security_association]\nspp 1\n1 AES128 HEX:%s\n", key)
		if err := l.PutSecret(t.Context(), lab.Secret{Name: name, Data: map[string][]byte{"sa.conf": []byte(text)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	b.must("apply", b.write("same.yaml", signedObjects("ours", "ours")))
	b.must("run", "10s")
	b.locked(1)

	b.must("apply", b.write("other.yaml", signedObjects("ours", "theirs")))
	b.must("run", "10s")
	if got := receiversOf(b.status()); len(got) != 0 {
		t.Errorf("with other keys there are the time receivers %v, want none", got)
	}
	if log := b.must("exec", "w1", "--", "cat", "/run/log/ptp4l.0.log"); !strings.Contains(log, "auth: bad message") {
		t.Errorf("ptp4l does not say that it drops messages:\n%s", log)
	}

	b.must("apply", b.write("again.yaml", signedObjects("theirs", "theirs")))
	b.must("run", "10s")
	b.locked(1)
}
