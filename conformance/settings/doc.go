// Package settings finds out how the suite is to be run, from flags, environment variables and a configuration file.
//
// There is one table of settings (Table). Resolve gives each the value of the first of these that has one: its flag, its
// variable, its key in the file that PTP_TEST_CONFIG_FILE names, its default. It remembers which it was (Origin), and
// Explain tells. The variables and keys are those that users of the operator's test suite know, and mean the same; what
// that suite silently ignores, an unknown mode or a key that nothing reads, is an error here.
package settings
