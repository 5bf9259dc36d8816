package fake

import "github.com/ptplab/ptplab/conformance/sut"

// Blind makes a system like real hardware out of a world: its true errors are not known and nobody can set them.
func Blind(w *World) sut.System { return blind{w} }

// blind has the methods of System and no others.
type blind struct{ sut.System }
