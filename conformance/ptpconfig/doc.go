// Package ptpconfig knows PtpConfig objects, API ptp.openshift.io/v1: it reads and writes them, generates the ones of
// a test mode, and tells the mode of those it finds.
//
// Generate makes objects and node labels from the ports that a clock configuration needs (Roles). ForNode and Classify
// go the other way and change nothing. Conf edits a linuxptp configuration text and leaves alone what it is not asked
// to change, so that the specs can also alter what a user has written.
package ptpconfig
