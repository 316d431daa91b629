//go:build cgo && !datastreams_dynamic

package native

// #cgo CFLAGS: -I${SRCDIR}
// #cgo linux,amd64 LDFLAGS: ${SRCDIR}/libdatastreams_linux_amd64.a -lpthread -lm -ldl
import "C"
