"""A scripted agent for the C tests: takes /v0.1/pipeline_stats, decodes what it takes, and can break off.

agent.py DIR SCRIPT     listens on TCP and on DIR/agent.socket; writes DIR/url when it is ready, and a line of JSON to
                        DIR/taken.jsonl for each payload that it takes. SCRIPT is a list of what the first connections
                        get, such as "reset,reset,503"; those after it get 202.
agent.py --check DIR    reads "EXPECT tag count" lines from its input: what a program recorded on edges with that tag.
                        Compares them with what arrived, repeats (by payload id) taken once. Exit code 1 on a difference.

agent.py --file PAYLOAD.gz TAG COUNT    checks one payload.

reset: reads the headers and a little of the body, then closes with a reset, the rest unread. A number: that status.
"""

import collections
import gzip
import json
import os
import pathlib
import socket
import struct
import sys
import threading
import time


def unpack(data, at=0):
    """One msgpack value and where it ends: what payloads hold, and no more."""
    kind = data[at]
    at += 1

    def number(fmt):
        size = struct.calcsize(fmt)
        return struct.unpack_from(">" + fmt, data, at)[0], at + size

    def raw(count, at):
        return data[at:at + count], at + count

    def items(count, at, pairs):
        out = []
        for _ in range(count * (2 if pairs else 1)):
            value, at = unpack(data, at)
            out.append(value)
        return (dict(zip(out[::2], out[1::2])) if pairs else out), at

    if kind <= 0x7F:
        return kind, at
    if kind >= 0xE0:
        return kind - 256, at
    if kind <= 0x8F:
        return items(kind & 15, at, True)
    if kind <= 0x9F:
        return items(kind & 15, at, False)
    if kind <= 0xBF:
        text, at = raw(kind & 31, at)
        return text.decode(), at
    if kind in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[kind], at
    if kind in SCALARS:
        return number(SCALARS[kind])
    fmt, what = LENGTHS[kind]
    count, at = number(fmt)
    if what == "bin":
        return raw(count, at)
    if what == "str":
        text, at = raw(count, at)
        return text.decode(), at
    return items(count, at, what == "map")


SCALARS = {0xCA: "f", 0xCB: "d", 0xCC: "B", 0xCD: "H", 0xCE: "I", 0xCF: "Q", 0xD0: "b", 0xD1: "h", 0xD2: "i", 0xD3: "q"}
LENGTHS = {0xC4: ("B", "bin"), 0xC5: ("H", "bin"), 0xC6: ("I", "bin"), 0xD9: ("B", "str"), 0xDA: ("H", "str"),
           0xDB: ("I", "str"), 0xDC: ("H", "arr"), 0xDD: ("I", "arr"), 0xDE: ("H", "map"), 0xDF: ("I", "map")}


def fields(data):
    """The fields of a protobuf message: (number, value)."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        elif key & 7 == 1:
            yield key >> 3, struct.unpack_from("<d", data, at)[0]
            at += 8
        elif key & 7 == 2:
            size = varint()
            yield key >> 3, data[at:at + size]
            at += size
        else:
            raise ValueError(f"wire type {key & 7}")


def sketch_count(data):
    """How many values a DDSketch holds."""
    total = 0.0
    for number, value in fields(data):
        if number in (2, 3):  # the stores
            for inner, bins in fields(value):
                if inner == 2:  # contiguous counts, packed doubles
                    total += sum(struct.unpack(f"<{len(bins) // 8}d", bins))
                elif inner == 1:  # one entry of a sparse store
                    total += dict(fields(bins)).get(2, 0.0)
        elif number == 4:
            total += value
    return total


def summary(body):
    """Messages by tag, and the total; the copies at the origin's time left out."""
    payload, end = unpack(body)
    assert end == len(body), "bytes behind the payload"
    by_tag = collections.Counter()
    for bucket in payload["Stats"]:
        for point in bucket.get("Stats") or ():
            if point.get("TimestampType") == "origin":
                continue
            count = sketch_count(point["EdgeLatency"])
            for tag in point["EdgeTags"]:
                by_tag[tag] += count
            by_tag["_all"] += count
    return payload["Service"], by_tag


class Agent:
    def __init__(self, directory, script):
        self.directory = directory
        self.script = [step for step in script.split(",") if step]
        self.lock = threading.Lock()

    def step(self):
        with self.lock:
            return self.script.pop(0) if self.script else "202"

    def take(self, headers, body):
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        service, by_tag = summary(body)
        line = json.dumps({"id": headers["datastreams-payload-id"], "service": service, "tags": by_tag})
        with self.lock, open(f"{self.directory}/taken.jsonl", "a", encoding="utf-8") as log:
            log.write(line + "\n")

    def serve(self, listener):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        try:
            with connection:
                self.requests(connection)
        except (ConnectionError, OSError):
            pass

    def requests(self, connection):
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                more = connection.recv(2048)
                if not more:
                    return
                data += more
            head, data = data.split(b"\r\n\r\n", 1)
            lines = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
            step = self.step()
            if step == "reset":
                # A reset instead of an orderly end; what lies unread in the buffer makes it one on unix sockets, too.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            size = int(headers["content-length"])
            while len(data) < size:
                more = connection.recv(65536)
                if not more:
                    return
                data += more
            body, data = data[:size], data[size:]
            if step == "202":
                try:
                    self.take(headers, body)
                except (ArithmeticError, AssertionError, LookupError, OSError, ValueError, struct.error) as error:
                    # A payload that cannot be read must fail the test, not this thread.
                    with open(f"{self.directory}/errors", "a", encoding="utf-8") as log:
                        log.write(f"{error!r}\n")
                    step = "400"
            connection.sendall(f"HTTP/1.1 {step} x\r\ncontent-length: 2\r\n\r\n{{}}".encode())


def listen(directory, script):
    agent = Agent(directory, script)
    tcp = socket.socket()
    # Small buffers, so that a body does not fit and its writer is in the middle of it when the reset comes.
    unix = socket.socket(socket.AF_UNIX)
    for listener in (tcp, unix):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    tcp.bind(("127.0.0.1", 0))
    path = f"{directory}/agent.socket"
    if os.path.exists(path):
        os.unlink(path)
    unix.bind(path)
    for listener in (tcp, unix):
        listener.listen(64)
        threading.Thread(target=agent.serve, args=(listener,), daemon=True).start()
    with open(f"{directory}/url.new", "w", encoding="utf-8") as out:
        out.write(f"http://127.0.0.1:{tcp.getsockname()[1]}")
    os.rename(f"{directory}/url.new", f"{directory}/url")
    while os.getppid() != 1:
        time.sleep(0.2)


def check(directory):
    expected = collections.Counter()
    for line in sys.stdin:
        if line.startswith("EXPECT "):
            _, tag, count = line.split()
            expected[tag] += int(count)
        else:
            print(line, end="")
    if not expected:
        return
    got, seen = collections.Counter(), set()
    if os.path.exists(f"{directory}/taken.jsonl"):
        for line in pathlib.Path(directory, "taken.jsonl").read_text(encoding="utf-8").splitlines():
            payload = json.loads(line)
            if payload["id"] not in seen:
                seen.add(payload["id"])
                got.update(payload["tags"])
    wrong = [f"{tag}: recorded {count}, arrived {got[tag]:g}" for tag, count in expected.items() if got[tag] != count]
    if os.path.exists(f"{directory}/errors"):
        wrong.append(pathlib.Path(directory, "errors").read_text(encoding="utf-8"))
    if wrong:
        sys.exit("\n".join(wrong))


def taken_by_the_host(path, tag, count):
    """Checks one payload in a file."""
    _, tags = summary(gzip.decompress(pathlib.Path(path).read_bytes()))
    if tags[tag] != int(count):
        sys.exit(f"{path}: {tags[tag]:g} messages on {tag}, not {count}")


if sys.argv[1] == "--check":
    check(sys.argv[2])
elif sys.argv[1] == "--file":
    taken_by_the_host(*sys.argv[2:])
else:
    listen(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
