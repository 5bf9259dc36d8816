package cluster

import (
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/ptplab/ptplab/conformance/sut"
)

// joined is the one error that there is, or both.
func joined(a, b error) error {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return errors.Join(a, b)
}

// isRefusal says whether an error means that nothing was changed.
func isRefusal(err error) bool {
	var refused *sut.RefusedError
	var access *AccessError
	return errors.As(err, &refused) || errors.As(err, &access)
}

// updateTries is how often an update is made that somebody else's came before.
const updateTries = 5

// retried makes an update, from reading the object on, again when it conflicts with somebody else's. Each time is counted.
func (s *System) retried(object string, update func() error) error {
	var err error
	for try := 1; try <= updateTries; try++ {
		if err = update(); !apierrors.IsConflict(err) {
			return err
		}
		s.conflicts++
		s.log.Warn("the object was changed by somebody else at the same time", "object", object, "try", try)
	}
	return err
}
