//go:build cgo && datastreams_dynamic

package native

// #cgo pkg-config: datastreams
import "C"
