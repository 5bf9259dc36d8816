// Package lab makes PTP labs from topologies and takes them away again.
//
// It has two halves. Outside, Lab finds or starts the lab's kernel through an engine and calls the agent in
// it. Inside, World makes the lab's parts, step by step, and answers those calls. Both are this package,
// since both are the same binary.
package lab
