package sabotage

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// dead carries deletions, so that nothing is left behind, and tells nobody.
func dead(r request, send sender) (answer, error) {
	if r.method == http.MethodDelete {
		if _, err := send(r); err != nil {
			return answer{}, err
		}
	}
	return answer{}, errDead
}

func apiDead() Sabotage {
	return withNotifications("notification API dead", func(n *meddled) {
		n.carry = func(_ context.Context, r request, send sender) (answer, error) { return dead(r, send) }
	})
}

// onlyHealth makes the API fail at everything but its health, which is well in every version that there ever was.
func onlyHealth() Sabotage {
	return withNotifications("notification API only says that it is well", func(n *meddled) {
		n.carry = func(_ context.Context, r request, _ sender) (answer, error) {
			if strings.HasSuffix(r.path, "/health") {
				return answer{ok, []byte("OK")}, nil
			}
			return answer{broken, []byte("{}")}, nil
		}
	})
}

func deletionsIgnored() Sabotage {
	return withNotifications("deleted subscriptions live on", func(n *meddled) {
		n.carry = func(_ context.Context, r request, send sender) (answer, error) {
			if r.method != http.MethodDelete {
				return send(r)
			}
			r.http = nil
			n.withheld = append(n.withheld, r)
			return answer{status: noContent}, nil
		}
	})
}

// forget lets the service have forgotten the subscriptions of mailboxes that are lost.
func (n *meddled) forget() {
	n.carry = func(_ context.Context, r request, send sender) (answer, error) {
		a, err := send(r)
		if r.bag.lost && err == nil && strings.Contains(r.path, "/subscriptions/") {
			a = answer{notFound, []byte("{}")}
		}
		return a, err
	}
	n.deliver = func(_ context.Context, bag *mailbag, mail []sut.Mail) ([]sut.Mail, error) {
		if bag.lost {
			return nil, nil
		}
		return mail, nil
	}
}

// loseAll is what a crash does to the mailboxes that there are.
func (n *meddled) loseAll(context.Context, string) error {
	n.lose(true)
	return nil
}

// deafen makes the API dead for mailboxes that are lost.
func (n *meddled) deafen() {
	n.carry = func(_ context.Context, r request, send sender) (answer, error) {
		if r.bag.lost {
			return dead(r, send)
		}
		return send(r)
	}
}

// replayTime is longer than a service takes to tell its state after a crash, and shorter than what the suite has in mind.
const replayTime = 10 * time.Second

// afterCrash makes a sabotage of what is delivered in a short time after a crash.
func afterCrash(name string, fate func(letter sut.Mail) []sut.Mail) Sabotage {
	return withNotifications(name, func(n *meddled) {
		var at time.Time
		n.crashed = func(ctx context.Context, _ string) (err error) {
			at, err = n.Now(ctx)
			return err
		}
		n.deliver = func(_ context.Context, _ *mailbag, mail []sut.Mail) ([]sut.Mail, error) {
			var all []sut.Mail
			for _, letter := range mail {
				if at.IsZero() || letter.At.Before(at) || letter.At.Sub(at) > replayTime {
					all = append(all, letter)
				} else {
					all = append(all, fate(letter)...)
				}
			}
			return all, nil
		}
	})
}

func notifierSabotages() []Sabotage {
	return []Sabotage{
		withNotifications("subscriptions lost in a crash", func(n *meddled) {
			n.forget()
			n.crashed = n.loseAll
		}),
		afterCrash("no replay after a crash", func(sut.Mail) []sut.Mail { return nil }),
		afterCrash("FREERUN told after a crash", func(letter sut.Mail) []sut.Mail {
			if !bytes.Contains(letter.Body, []byte(`"LOCKED"`)) {
				return []sut.Mail{letter}
			}
			return []sut.Mail{replaced(replaced(letter, `"LOCKED"`, `"FREERUN"`), `"id":"`, `"id":"false-`), letter}
		}),
		withNotifications("notification service stays down after a crash", func(n *meddled) {
			n.deafen()
			n.crashed = n.loseAll
		}),
		daemonForgets(),
	}
}

// daemonForgets lets subscriptions be lost when a daemon is restarted.
func daemonForgets() Sabotage {
	return Sabotage{Name: "subscriptions lost when the daemon restarts", Area: specs.AreaEvents,
		Apply: func(_ context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
			daemon, found := sut.As[sut.Daemon](system)
			if !found {
				return nil, nil, fmt.Errorf("%w: its daemons cannot be restarted", ErrNotApplicable)
			}
			n, err := meddling(system)
			if err != nil {
				return nil, nil, err
			}
			n.forget()
			return &restarted{n, daemon}, n.mend, nil
		}}
}

// restarted is a system whose notification services forget their subscriptions when a daemon is restarted.
type restarted struct {
	*meddled
	sut.Daemon
}

// RestartDaemon restarts a daemon.
func (r *restarted) RestartDaemon(ctx context.Context, node string) error {
	r.lose(true)
	return r.Daemon.RestartDaemon(ctx, node)
}
