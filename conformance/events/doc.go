// Package events is the suite's consumer of the O-RAN notification API (O-RAN.WG6.O-Cloud Notification API): it
// subscribes to a node's resources, receives their events, and judges what it receives.
//
//   - schema: each event is a CloudEvent 1.0 (by the CloudEvents SDK's own judgement) of the type that its resource has,
//     with values of the API's types
//   - order: within a subscription the times of events never go back
//   - duplicates: no event comes twice, under its own identity or another
//   - loss: what the last events told is what CurrentState tells (Compare)
//   - latency: an event is received soon after the change that it tells
//
// A fault that one check finds is not reported by another. The consumer answers each event with 204, whatever it thinks
// of it, so that a fault does not end a subscription.
//
// A Consumer is an http.Handler and sends its own requests through an http.RoundTripper, so that it works over sockets,
// within one process (InProcess), or through whatever carries requests into a lab. It waits in the time of the system
// under test.
//
// Version 1.0 of the API, which systems up to 4.18 offer, differs in its path, the spelling of its keys and in its
// events, which are no CloudEvents: they have no specversion.
package events
