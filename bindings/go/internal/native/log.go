//go:build cgo && (datastreams_dynamic || (linux && amd64))

package native

/*
#include "datastreams.h"
*/
import "C"

import (
	"runtime/cgo"
	"unsafe"
)

// datastreamsLog hands a line of the library to [Config.Log]. It comes from the library's thread, or from within Flush,
// Poll or Stop.
//
//export datastreamsLog
func datastreamsLog(userdata unsafe.Pointer, level C.int32_t, line C.ds_str) {
	log, ok := cgo.Handle(uintptr(userdata)).Value().(func(int, string))
	if ok {
		log(int(level), C.GoStringN(line.ptr, C.int(line.len)))
	}
}
