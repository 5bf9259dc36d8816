// Package kernel carries the lab kernel's own sources, so that an installed ptplab can build it without a checkout.
//
//	config/*.config         fragments on top of "make ARCH=um allnoconfig", merged in the order of their names
//	series/VERSION/*.patch  patches for the Debian source of that kernel version, applied in the order of their names
//	series/VERSION/*.config fragments for that version only, merged last: they may take back what it does not have
//	src/PATH                new files, copied over the source tree before the patches are applied
package kernel

import "embed"

// Files is the three folders above.
//
//go:embed all:config all:series all:src
var Files embed.FS
