#!/bin/sh
# Fails when a built file names a directory of the machine that built it: paths.sh FILE...
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd -P)
for file; do
  [ -s "$file" ] || { echo "paths: there is no $file" >&2; exit 1; }
  for place in "$root" "$HOME" "${CARGO_HOME:-$HOME/.cargo}" "${RUSTUP_HOME:-$HOME/.rustup}"; do
    [ "${place%/}" ] || continue
    found=$(LC_ALL=C grep -aoE "$(printf %s "${place%/}/" | sed 's/[][\.*^$+?(){}|]/\\&/g')[[:graph:]]{0,60}" "$file" | head -1)
    [ -z "$found" ] || { echo "paths: $file names $found (built before tools/rustc was? cargo clean)" >&2; exit 1; }
  done
done
echo "paths: $# files name no directory of this machine"
