// Package arrange brings a system into a test mode and back: it finds out how the ports are cabled, chooses ports for the
// clocks of the mode, writes PtpConfig objects and node labels for them, and afterwards restores what was there.
//
// It takes away only what the suite or ptplab has made: objects of the names that it generates and objects that carry the label
// ManagedBy. An object of somebody else that applies to a chosen node is an error, and nothing is changed.
package arrange
