package sabotage

import (
	"bytes"
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// eventsSabotages break notifications: their delivery, what the API answers, restarts of its service and the operator's
// settings for it.
func eventsSabotages() []Sabotage {
	return slices.Concat(deliverySabotages(), answerSabotages(), notifierSabotages(), operatorSabotages())
}

// delivery makes a sabotage of what happens to events on their way into a mailbox.
func delivery(name string, fate func(box *mailbag, letter sut.Mail) []sut.Mail) Sabotage {
	return withNotifications(name, func(n *meddled) {
		n.deliver = func(_ context.Context, box *mailbag, mail []sut.Mail) ([]sut.Mail, error) {
			var all []sut.Mail
			for _, letter := range mail {
				all = append(all, fate(box, letter)...)
			}
			return all, nil
		}
	})
}

// mailbag is what a sabotage keeps for one mailbox.
type mailbag struct {
	held []sut.Mail
	lost bool // what was agreed with it does not count any more
}

// tells says whether a letter is an event of the lock state that tells a state.
func tells(letter sut.Mail, state string) bool {
	return bytes.Contains(letter.Body, []byte(`"event.sync.ptp-status.ptp-state-change"`)) && bytes.Contains(letter.Body, []byte(`"`+state+`"`))
}

// replaced is a letter with another text in it.
func replaced(letter sut.Mail, old, new string) sut.Mail {
	letter.Body = bytes.ReplaceAll(letter.Body, []byte(old), []byte(new))
	return letter
}

func deliverySabotages() []Sabotage {
	return []Sabotage{
		delivery("events muted", func(*mailbag, sut.Mail) []sut.Mail { return nil }),
		delivery("event of FREERUN lost", func(_ *mailbag, letter sut.Mail) []sut.Mail {
			if tells(letter, "FREERUN") {
				return nil
			}
			return []sut.Mail{letter}
		}),
		delivery("events come twice", func(_ *mailbag, letter sut.Mail) []sut.Mail { return []sut.Mail{letter, letter} }),
		delivery("events in wrong order", func(box *mailbag, letter sut.Mail) []sut.Mail {
			if tells(letter, "HOLDOVER") { // it comes after the next one of its subscription
				box.held = append(box.held, letter)
				return nil
			}
			all := []sut.Mail{letter}
			box.held = slices.DeleteFunc(box.held, func(old sut.Mail) bool {
				if old.Path == letter.Path {
					all = append(all, old)
				}
				return old.Path == letter.Path
			})
			return all
		}),
		delivery("events come late", func(_ *mailbag, letter sut.Mail) []sut.Mail {
			letter.At = letter.At.Add(3 * time.Second)
			return []sut.Mail{letter}
		}),
		delivery("events of no version of CloudEvents", func(_ *mailbag, letter sut.Mail) []sut.Mail {
			return []sut.Mail{replaced(letter, `"specversion":"1.0"`, `"specversion":"0.9"`)}
		}),
		delivery("events keep to an address of long ago", func(_ *mailbag, letter sut.Mail) []sut.Mail {
			return []sut.Mail{replaced(letter, `/master"`, `/follower"`)}
		}),
	}
}

// answering makes a sabotage of the API's answers to requests whose path ends in suffix.
func answering(name, suffix string, change func(status int, body []byte) (int, []byte)) Sabotage {
	return withNotifications(name, func(n *meddled) {
		n.carry = func(_ context.Context, r request, send sender) (answer, error) {
			a, err := send(r)
			if err == nil && strings.HasSuffix(r.path, suffix) {
				a.status, a.body = change(a.status, a.body)
			}
			return a, err
		}
	})
}

// state changes what an answer tells.
func state(old, new string) func(int, []byte) (int, []byte) {
	return func(status int, body []byte) (int, []byte) {
		return status, bytes.ReplaceAll(body, []byte(`"`+old+`"`), []byte(`"`+new+`"`))
	}
}

func answerSabotages() []Sabotage {
	class := regexp.MustCompile(`"value":"[0-9]+"`)
	return []Sabotage{
		answering("CurrentState of a clock is wrong", "/lock-state/CurrentState", state("LOCKED", "HOLDOVER")),
		answering("CurrentState of a node is wrong", "/sync-state/CurrentState", state("LOCKED", "FREERUN")),
		answering("CurrentState of CLOCK_REALTIME is wrong", "/os-clock-sync-state/CurrentState", state("LOCKED", "FREERUN")),
		answering("clock class of long ago", "/clock-class/CurrentState", func(status int, body []byte) (int, []byte) {
			return status, class.ReplaceAll(body, []byte(`"value":"52"`))
		}),
		answering("a resource is not published", "/publishers", func(status int, body []byte) (int, []byte) {
			return status, bytes.ReplaceAll(body, []byte("/clock-class"), []byte("/clock-clasp"))
		}),
		answering("subscribed twice over", "/subscriptions", func(status int, body []byte) (int, []byte) {
			if status == conflict {
				status = created
			}
			return status, body
		}),
		apiDead(),
		onlyHealth(),
		deletionsIgnored(),
	}
}

// withNotifications makes a sabotage of a system's notifications.
func withNotifications(name string, meddle func(*meddled)) Sabotage {
	return Sabotage{Name: name, Area: specs.AreaEvents, Apply: func(_ context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
		n, err := meddling(system)
		if err != nil {
			return nil, nil, err
		}
		meddle(n)
		return n, n.mend, nil
	}}
}
