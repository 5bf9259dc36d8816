// Package management asks a running ptp4l what it knows, by PTP management messages (IEEE 1588-2019 clause 15) over its
// UNIX socket, as the program pmc does. Message heads and common data types are those of facebook/time's ptp/protocol;
// what that package lacks is here: deadlines, matching of answers to questions, subscriptions, and the data sets
// TIME_PROPERTIES_DATA_SET, PORT_DATA_SET, GRANDMASTER_SETTINGS_NP, PORT_DATA_SET_NP and SUBSCRIBE_EVENTS_NP.
package management
