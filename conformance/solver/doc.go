// Package solver finds ports of a network for the clocks of a PTP test.
//
// A [Problem] names roles, such as the receiving port of a boundary clock, and says what must hold between them: on one
// LAN, on one NIC, hears an external grandmaster. A solution gives each role a port of its own. [Network.Best] returns
// the one that makes the best test, by [Score]; if there is none, an [Unsolvable] says why and which cabling would help.
//
// # How it works
//
// "On one LAN", "on one NIC" and "on one node" are equivalences. The roles that one of them ties together are a group,
// and the group takes its LAN, NIC or node from the first of its roles that gets a port. The others then choose among
// the ports of that LAN, NIC or node only. Two groups that must differ are compared as soon as both have theirs, which
// is often before the roles of the constraint are bound, and never depends on the order in which constraints were
// written.
//
// The search binds the most constrained role first, looks ahead whether each open role still has a port, and leaves a
// branch that cannot beat what was found (branch and bound). It is exact: no solution has a better score than the one it
// returns.
//
// A solution with [Score].SharedNICs above zero satisfies the problem but proves little: two of its clocks are one
// hardware clock. The caller decides whether to test with it.
package solver
