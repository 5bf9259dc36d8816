// Package events is the O-RAN notification API of one plain node (O-RAN.WG6.O-Cloud Notification API, version 2 as
// upstream's cloud-event-proxy serves it): subscriptions, current states and the delivery of CloudEvents.
//
// A Server learns of changes from its node, polls nothing, and watches it only while somebody is subscribed. What it
// publishes is the node's opinion of its clocks.
//
// It differs from upstream's where that one misleads a consumer. After a restart it tells each subscriber the state that
// its node has at that moment; a state that is not known yet is not told at all, so that no FREERUN comes from the
// restart itself. A change between the initial notification and the end of the subscription's creation is told after it.
// The time of an event is when the change happened, in the node's time, and never goes back within a resource.
//
// Two changes that happen between two readings of a node's logs, 250 ms apart, and cancel each other are not seen.
package events
