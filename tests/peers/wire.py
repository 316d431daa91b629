"""What really goes over a connection: a tap that passes bytes on as they are, and the HTTP that was in them."""

import contextlib
import dataclasses
import http.client
import io
import socket
import threading


@dataclasses.dataclass
class Exchange:
    """A request and its answer. Headers keep the spelling that was sent."""

    method: str
    path: str
    headers: http.client.HTTPMessage
    body: bytes
    status: int
    answer_headers: http.client.HTTPMessage
    answer_body: bytes


class Tap:
    """Listens on a free port, or a unix socket, and connects each client with the upstream, a (host, port) or the path
    of a unix socket; nothing is changed on the way."""

    def __init__(self, upstream, path=None):
        self.upstream = upstream
        if path:
            self.url = f"unix://{path}"
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(path))
            self._listener.listen()
        else:
            self._listener = socket.create_server(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._lock = threading.Lock()
        self._connections = []
        threading.Thread(target=self._accept, daemon=True).start()

    def exchanges(self):
        """All requests with a complete answer, by connection."""
        with self._lock:
            streams = [(bytes(sent), bytes(answered)) for sent, answered in self._connections]
        return [exchange for sent, answered in streams for exchange in parse(sent, answered)]

    def close(self):
        # A thread in accept is only woken by a shutdown.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = self._connect()
            except OSError:
                client.close()
                continue
            record = (bytearray(), bytearray())
            with self._lock:
                self._connections.append(record)
            for source, target, into in ((client, server, record[0]), (server, client, record[1])):
                threading.Thread(target=self._pump, args=(source, target, into), daemon=True).start()

    def _connect(self):
        if isinstance(self.upstream, tuple):
            return socket.create_connection(self.upstream)
        server = socket.socket(socket.AF_UNIX)
        server.connect(str(self.upstream))
        return server

    def _pump(self, source, target, into):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                with self._lock:
                    into += data
                target.sendall(data)
        # Half of the connection ends; the answer may still come the other way.
        for end, how in ((source, socket.SHUT_RD), (target, socket.SHUT_WR)):
            with contextlib.suppress(OSError):
                end.shutdown(how)


def parse(sent, answered):
    """The complete exchanges of one connection, in order."""
    requests, answers = io.BytesIO(sent), io.BytesIO(answered)
    with contextlib.suppress(EOFError):
        while True:
            method, path, _ = _line(requests).split(" ", 2)
            headers = http.client.parse_headers(requests)
            body = _body(requests, headers)
            status = 100
            while status < 200:
                status = int(_line(answers).split(" ", 2)[1])
                answer_headers = http.client.parse_headers(answers)
            empty = method == "HEAD" or status in (204, 304)
            answer = b"" if empty else _body(answers, answer_headers, to_end=True)
            yield Exchange(method, path, headers, body, status, answer_headers, answer)


def _line(stream):
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise EOFError
    return line[:-2].decode("latin-1")


def _take(stream, size):
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _body(stream, headers, to_end=False):
    if headers.get("Transfer-Encoding", "").lower() == "chunked":
        body = b""
        while size := int(_line(stream).split(";")[0], 16):
            body += _take(stream, size)
            _line(stream)
        http.client.parse_headers(stream)
        return body
    if (length := headers.get("Content-Length")) is not None:
        return _take(stream, int(length))
    return stream.read() if to_end else b""
