// Package version names the version of the Go package.
package version

import "github.com/datastreams/datastreams/bindings/go/internal/native"

// Tag is the version, as releases are tagged.
const Tag = "v" + native.Version
