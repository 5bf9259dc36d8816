// Package linuxptp knows the texts that linuxptp's programs read and write: their configuration files and the lines
// of their logs. It starts nothing; package node does. Package management, below this one, talks to a running ptp4l.
package linuxptp
