// Package soak counts and judges what the long tests see of a system: losses of sync, lines of logs, CPU use. It asks
// the system nothing and keeps no time of its own, so that its judgement can be tried without one.
package soak
