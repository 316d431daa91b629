"""include/datastreams.h for tests, by ctypes: the shipped library, called as any language would. Not a binding."""

import ctypes as c
import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
ABI_VERSION = 1
HEADER_KEY, HEADER_KEY_LEGACY = "dd-pathway-ctx-base64", "dd-pathway-ctx"
HEADER_MAX = 36
SIZE_UNKNOWN = 2**64 - 1
ERR_HEADER, ERR_TIMEOUT = -5, -6
DELIVERY_THREAD, DELIVERY_HOST = 0, 2

LOG = c.CFUNCTYPE(None, c.c_void_p, c.c_int32, c.c_void_p)


class Str(c.Structure):
    _fields_ = [("ptr", c.c_char_p), ("len", c.c_size_t)]

    @classmethod
    def of(cls, text):
        data = text.encode() if isinstance(text, str) else text
        return cls(data, len(data))


class Lent(c.Structure):
    """A ds_str that the library fills in: it ends without a NUL."""

    _fields_ = [("ptr", c.c_void_p), ("len", c.c_size_t)]

    def text(self):
        return c.string_at(self.ptr, self.len).decode()


class Error(c.Structure):
    _fields_ = [("code", c.c_int32), ("message", c.c_char * 252)]


class Config(c.Structure):
    # fmt: off
    TEXTS = ["service", "env", "version", "primary_tag", "tags", "agent_url", "api_key", "site", "hostname",
             "dogstatsd_url", "language", "language_version"]
    SIZES = ["memory_limit", "retry_limit", "max_payload_bytes", "transaction_limit"]
    NUMBERS = ["enabled", "delivery", "request_timeout_ms", "retry_age_s", "max_edges", "max_parents",
               "max_origin_buckets", "header_max_age_s", "header_max_future_s", "process_tags"]
    # fmt: on
    _fields_ = [
        ("struct_size", c.c_size_t),
        *((name, Str) for name in TEXTS),
        *((name, c.c_uint64) for name in SIZES),
        *((name, c.c_uint32) for name in NUMBERS),
        ("log", LOG),
        ("log_userdata", c.c_void_p),
    ]


class Edge(c.Structure):
    _fields_ = [("id", c.c_uint64)]


class Pathway(c.Structure):
    _fields_ = [
        ("hash", c.c_uint64),
        ("start_ns", c.c_int64),
        ("edge_start_ns", c.c_int64),
        ("opposite_hash", c.c_uint64),
        ("opposite_edge_start_ns", c.c_int64),
        ("direction", c.c_uint32),
        ("reserved", c.c_uint32 * 5),
    ]


class Options(c.Structure):
    _fields_ = [("struct_size", c.c_size_t), ("now_ns", c.c_int64), ("queued_ns", c.c_int64)]


class RawPayload(c.Structure):
    _fields_ = [
        ("id", c.c_uint64),
        ("path", Lent),
        ("headers", Lent),
        ("body", c.c_void_p),
        ("body_len", c.c_size_t),
        ("reserved", c.c_uint64),
    ]


STRUCTS = {"ds_str": Str, "ds_error": Error, "ds_config": Config, "ds_edge": Edge, "ds_pathway": Pathway,
           "ds_options": Options, "ds_payload": RawPayload}  # fmt: skip
P = c.POINTER
# The status comes first; None: nothing is answered.
FUNCTIONS = {
    "ds_status_text": (c.c_char_p, c.c_int32),
    "ds_client_new": (c.c_int32, P(Config), P(c.c_void_p), P(Error)),
    "ds_client_flush": (c.c_int32, c.c_void_p, c.c_uint32),
    "ds_client_stop": (c.c_int32, c.c_void_p, c.c_uint32),
    "ds_client_free": (None, c.c_void_p),
    "ds_edge_intern": (c.c_int32, c.c_void_p, P(Str), c.c_size_t, Str, P(Edge)),
    "ds_pathway_decode": (c.c_int32, c.c_char_p, c.c_size_t, c.c_int64, P(Pathway)),
    "ds_pathway_encode": (c.c_int32, P(Pathway), c.c_uint32, c.c_char_p, c.c_size_t, P(c.c_size_t)),
    "ds_set_checkpoint_with": (c.c_int32, c.c_void_p, Edge, c.c_uint64, P(Options), c.c_char_p, c.c_size_t, P(Pathway),
                               P(Pathway), c.c_char_p, c.c_size_t, P(c.c_size_t)),
    "ds_track_offset": (c.c_int32, c.c_void_p, Edge, c.c_int32, c.c_int64),
    "ds_client_counters": (c.c_int32, c.c_void_p, P(c.c_uint64), c.c_size_t, P(c.c_size_t)),
    "ds_counter_name": (c.c_char_p, c.c_size_t),
    "ds_client_poll": (c.c_int32, c.c_void_p, c.c_int64, P(c.c_uint32)),
    "ds_client_take_payload": (c.c_int32, c.c_void_p, P(RawPayload)),
    "ds_client_settle_payload": (c.c_int32, c.c_void_p, c.c_uint64, c.c_int32),
    "ds_abi_version": (c.c_uint32,),
    "ds_version": (c.c_char_p,),
}  # fmt: skip


class Failed(Exception):
    """A call answered an error; `status` is its number."""

    def __init__(self, call, status, text):
        super().__init__(f"{call}: {text} ({status})")
        self.status = status


@dataclasses.dataclass
class Payload:
    """What a host posts."""

    id: int
    path: str
    headers: dict
    body: bytes


class Library:
    """The loaded library. Every call raises `Failed` on an error."""

    def __init__(self, path):
        self._lib = c.CDLL(str(path))
        for name, (result, *arguments) in FUNCTIONS.items():
            function = getattr(self._lib, name)
            function.restype, function.argtypes = result, arguments
        found = self._lib.ds_abi_version()
        if found != ABI_VERSION:
            raise SystemExit(f"{path} has the ABI {found}, not {ABI_VERSION}")
        self.version = self._lib.ds_version().decode()

    def call(self, name, *arguments):
        status = getattr(self._lib, name)(*arguments)
        if FUNCTIONS[name][0] is c.c_int32 and status != 0:
            raise Failed(name, status, self._lib.ds_status_text(status).decode())
        return status

    def decode(self, header, now_ns=-1):
        """The pathway of a header in any form; any time is taken when `now_ns` is negative."""
        pathway = Pathway()
        self.call("ds_pathway_decode", header, len(header), now_ns, c.byref(pathway))
        return pathway

    def encode(self, pathway, binary=False):
        out, size = c.create_string_buffer(HEADER_MAX), c.c_size_t()
        self.call("ds_pathway_encode", c.byref(pathway), int(binary), out, HEADER_MAX, c.byref(size))
        return out.raw[: size.value]


class Client:
    """One client; `options` are fields of the config. `with` stops and frees it."""

    def __init__(self, library, *, service, env, **options):
        self._library, self._handle, self._edges = library, c.c_void_p(), {}
        self._hosted = options.get("delivery") == DELIVERY_HOST
        config, error = Config(struct_size=c.sizeof(Config)), Error()
        for name, value in {"service": service, "env": env, **options}.items():
            setattr(config, name, Str.of(value) if isinstance(value, str) else value)
        try:
            library.call("ds_client_new", c.byref(config), c.byref(self._handle), c.byref(error))
        except Failed as failed:
            raise Failed("ds_client_new", failed.status, error.message.decode()) from None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        try:
            self.call("ds_client_stop", 5_000 if kind is None else 0)
        except Failed as failed:
            # A host that took no payloads leaves them behind.
            if kind is None and not (self._hosted and failed.status == ERR_TIMEOUT):
                raise
        finally:
            self._library.call("ds_client_free", self._handle)
            self._handle = c.c_void_p()

    def call(self, name, *arguments):
        return self._library.call(name, self._handle, *arguments)

    def edge(self, tags, service=""):
        """The interned edge of these tags."""
        key = (*tags, service)
        if key not in self._edges:
            texts, edge = (Str * len(tags))(*map(Str.of, tags)), Edge()
            self.call("ds_edge_intern", texts, len(tags), Str.of(service), c.byref(edge))
            self._edges[key] = edge
        return self._edges[key]

    def checkpoint(self, tags, header=b"", parent=None, *, size=SIZE_UNKNOWN, now_ns=0, queued_ns=0):
        """Passes the edge; the pathway after, and the header to send."""
        pathway, out, out_len = Pathway(), c.create_string_buffer(HEADER_MAX), c.c_size_t()
        options = Options(c.sizeof(Options), now_ns, queued_ns)
        self.call("ds_set_checkpoint_with", self.edge(tags), size, c.byref(options), header, len(header),
                  c.byref(parent) if parent else None, c.byref(pathway), out, HEADER_MAX, c.byref(out_len))  # fmt: skip
        return pathway, out.raw[: out_len.value]

    def track(self, tags, partition, offset):
        """Reports an offset."""
        self.call("ds_track_offset", self.edge(tags), partition, offset)

    def flush(self, timeout_ms=20_000):
        self.call("ds_client_flush", timeout_ms)

    def counters(self):
        """Every counter by its name."""
        count = c.c_size_t()
        self.call("ds_client_counters", None, 0, c.byref(count))
        values = (c.c_uint64 * count.value)()
        self.call("ds_client_counters", values, count.value, c.byref(count))
        names = (self._library._lib.ds_counter_name(at).decode() for at in range(count.value))
        return dict(zip(names, values, strict=True))

    def take(self):
        """The next payload that is due, or None. Host mode."""
        raw = RawPayload()
        self.call("ds_client_take_payload", c.byref(raw))
        if raw.id == 0:
            return None
        headers = dict(line.split(": ", 1) for line in raw.headers.text().split("\r\n") if line)
        return Payload(raw.id, raw.path.text(), headers, c.string_at(raw.body, raw.body_len))

    def settle(self, payload, http_status):
        """Says what became of a payload. Host mode."""
        self.call("ds_client_settle_payload", payload.id, http_status)


def layout_differences():
    """Where these structs differ from tests/abi/layout.inc, which C and Rust are held to."""
    text = (ROOT / "tests/abi/layout.inc").read_text(encoding="utf-8")
    expected = {m[1]: (int(m[2]), int(m[3])) for m in re.finditer(r"STRUCT\((\w+), (\d+), (\d+)\)", text)}
    fields = {m.group(1, 2): (int(m[3]), int(m[4])) for m in re.finditer(r"FIELD\((\w+), (\w+), (\d+), (\d+)\)", text)}
    found = {name: (c.sizeof(struct), c.alignment(struct)) for name, struct in STRUCTS.items()}
    differences = sorted(str(item) for item in expected.items() ^ found.items())
    ours = {(name, field): (getattr(struct, field).offset, getattr(struct, field).size)
            for name, struct in STRUCTS.items() for field, _ in struct._fields_}  # fmt: skip
    return differences + sorted(str(item) for item in fields.items() ^ ours.items())
