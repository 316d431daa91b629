//go:build cgo && !datastreams_dynamic && linux && amd64

package native

// #cgo CFLAGS: -I${SRCDIR}
// #cgo LDFLAGS: ${SRCDIR}/libdatastreams_linux_amd64.a -lpthread -lm -ldl
import "C"
