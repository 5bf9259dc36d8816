// Package podlogs keeps what the containers of the PTP pods print while the suite runs, one file for each container:
//
//	DIR/serial/serial_<pod>_<container>.log
//	DIR/parallel/parallel_<pod>_<container>.log
//
// A file goes on when its container starts anew or its connection breaks: a line is neither lost nor written twice. If the
// source no longer has lines that should be there, the file says so. With markers it also says where the suite and each
// spec begin and end, and where a container started anew. Files of an earlier run are continued, not replaced.
package podlogs
