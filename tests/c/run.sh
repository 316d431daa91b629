#!/bin/sh
# Builds the C programs and runs them against the library, each with an agent of its own:
#   run.sh BUILD_DIR [FAULT_BUILD_DIR]
# TOOL=valgrind runs them under valgrind, TOOL=asan builds them with AddressSanitizer and UBSan, TOOL=rust-asan is for
# asan.sh. See mk/ffi.mk.
set -eu
cd "$(dirname "$0")/../.."
build=$PWD/$1
fault=${2:+$PWD/$2}
tool=${TOOL-}
here=tests/c
out=build/test/c$tool
mkdir -p "$out/bin"
flags="-std=gnu11 -O1 -g -Wall -Wextra -Wshadow -Wpedantic -Werror -Iinclude -I$here -I$out"
run= link=
forks=24 messages=20000
case $tool in
  '') ;;
  asan) flags="$flags -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer" ;;
  rust-asan)
    # The library is instrumented and the program brings the runtime, which belongs to the Rust compiler.
    link="-rdynamic -Wl,--whole-archive $RUNTIME -Wl,--no-whole-archive -lm -lrt" forks=12 messages=5000 ;;
  valgrind)
    # "Possibly lost" is no error: std keeps its threads by pointers into their blocks.
    # Threads that spin would have its lock for themselves for minutes.
    run="valgrind --quiet --fair-sched=yes --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect
      --show-leak-kinds=definite,indirect"
    # A thread that is in the middle of its end when the program is over would look like a leak.
    export CHECK_PAUSE_MS=500
    forks=8 messages=500 ;;
  *) echo "unknown TOOL $tool" >&2; exit 2 ;;
esac
# What the host's environment says must not decide a test.
for name in $(env | sed -n 's/^\(DD_[A-Z_]*\)=.*/\1/p'); do unset "$name"; done

agent=
stop_agent() {
  [ -z "$agent" ] || kill "$agent" 2>/dev/null || true
  [ -z "$agent" ] || wait "$agent" 2>/dev/null || true
  agent=
}
trap stop_agent EXIT

# test NAME SCRIPT_OF_THE_AGENT PROGRAM ARGUMENTS...; in the arguments, @url, @unix and @dir stand for the agent's.
try() {
  name=$1 script=$2 program=$3
  shift 3
  dir=$out/$name
  rm -rf "$dir"
  mkdir -p "$dir"
  python3 $here/agent.py "$dir" "$script" &
  agent=$!
  tries=0
  until [ -f "$dir/url" ]; do
    tries=$((tries + 1))
    [ $tries -le 100 ] || { echo "test-c: the agent does not start" >&2; exit 1; }
    sleep 0.1
  done
  url=$(cat "$dir/url")
  n=$#
  while [ "$n" -gt 0 ]; do
    case $1 in
      @url) set -- "$@" "$url" ;;
      @unix) set -- "$@" "unix://$PWD/$dir/agent.socket" ;;
      @dir) set -- "$@" "$dir" ;;
      *) set -- "$@" "$1" ;;
    esac
    shift
    n=$((n - 1))
  done
  options=
  # A child leaves what it inherited where it is: that is the point, and looks like a leak.
  case $tool-$program in valgrind-fork* | valgrind-exit | valgrind-unload) options=--leak-check=no ;; esac
  # shellcheck disable=SC2086
  if ! timeout 300 $run $options "$out/bin/$program" "$@" >"$dir/output"; then
    echo "test-c: $name failed" >&2
    exit 1
  fi
  if ! python3 $here/agent.py --check "$dir" <"$dir/output" >"$dir/rest"; then
    echo "test-c: $name: what arrived is not what was recorded" >&2
    exit 1
  fi
  stop_agent
  echo "test-c: $name ok${tool:+ ($tool)}"
}

# compile NAME BUILD_DIR [SOURCE]
compile() {
  # shellcheck disable=SC2086
  "${CC:-gcc}" $flags "${3:-$here/$1.c}" -o "$out/bin/$1" -L"$2" -ldatastreams -Wl,-rpath,"$2" $link -lpthread -ldl
}

python3 $here/vectors.py "$out/vectors.h"
for program in vectors basics host sigpipe fork forklock threads exit unload; do compile $program "$build"; done
# Bad arguments are where a checker of memory has most to see.
python3 tests/abi/hostile.py include/datastreams.h "$out/hostile.c"
compile hostile "$build" "$out/hostile.c"
try hostile '' hostile
try vectors '' vectors
cat "$out/vectors/rest"
try basics '' basics @url
try basics-unix '' basics @unix
try host '' host @url @dir
grep -q '^HOST 100$' "$out/host/output"
python3 $here/agent.py --file "$out/host/host.gz" type:kafka 100
for mode in thread poll; do
  try sigpipe-tcp-$mode reset,reset,reset sigpipe @url $mode
  try sigpipe-unix-$mode reset,reset,reset sigpipe @unix $mode
done
try threads '' threads @url $messages
# Not with gcc's AddressSanitizer: its allocator's locks do not survive a fork (LLVM's do, and rust-asan has that).
if [ "$tool" != asan ]; then
  try fork '' fork @url $forks
  try fork-errors 503,reset,202,503,202,reset fork @unix $forks
  try forklock 503,202,503 forklock @url
fi
try exit '' exit @url 20
try unload '' unload @url "$build/libdatastreams.so.1"

if [ -n "$fault" ]; then
  # Each export of the header is in the program: a new one cannot be forgotten.
  for name in $(sed -n 's/^[A-Za-z].*[ *]\(ds_[a-z0-9_]*\)(.*/\1/p' include/datastreams.h); do
    grep -q "$name(" $here/fault.c || { echo "test-c: fault.c does not call $name" >&2; exit 1; }
  done
  compile fault "$fault"
  try fault '' fault @url
  if strings -a "$build/libdatastreams.so" | grep -q DATASTREAMS_FAULT; then
    echo "test-c: the release library has the feature fault" >&2
    exit 1
  fi
fi
