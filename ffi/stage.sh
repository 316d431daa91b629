#!/bin/sh
# Copies the shared library out of cargo's directory, stripped, under the name that programs load: stage.sh FROM TO ABI
set -eu
from=$1 to=$2 abi=$3
mkdir -p "$to"
strip --strip-unneeded -o "$to/.new" "$from/libdatastreams.so"
if cmp -s "$to/.new" "$to/libdatastreams.so"; then rm "$to/.new"; else mv "$to/.new" "$to/libdatastreams.so"; fi
ln -sf libdatastreams.so "$to/libdatastreams.so.$abi"
