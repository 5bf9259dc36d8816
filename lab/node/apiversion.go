package node

import (
	"fmt"
	"regexp"
	"strings"
)

// RefuseAPIVersion says in upstream's words why its webhook would not take a version of the notification API, "" if it
// would.
func RefuseAPIVersion(version string) string {
	major, _, _ := strings.Cut(version, ".")
	switch {
	case version == "":
		return ""
	case !versionShape().MatchString(version) || major != "1" && major != "2":
		return fmt.Sprintf("ptpEventConfig.apiVersion %q is not a valid version; want 2.0, or nothing for the default", version)
	case major == "1":
		return fmt.Sprintf("ptpEventConfig.apiVersion %q: v1 is no longer supported; want 2.0, or nothing for the default", version)
	}
	return ""
}

func versionShape() *regexp.Regexp { return regexp.MustCompile(`^[0-9]+(\.[0-9]+){0,2}$`) }
