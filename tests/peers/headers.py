"""Headers: ddtrace's that we continue and ours that ddtrace continues, with the same hash, parent and times."""

import base64
import gzip
import random
import time

import datastreams_abi as ds
import msgpack
from checks import Wrong, equal
from sketches import decode_sketch

KAFKA_OUT = ["direction:out", "topic:orders", "type:kafka"]
# In the order of a caller who does not sort; both sides have to.
EDGES = [
    KAFKA_OUT,
    ["type:kafka", "topic:orders", "group:pay", "direction:in"],
    ["topic:orders", "kafka_cluster_id:5L6g3nShT-eMCtK--X86sw", "direction:out", "type:kafka"],
    ["direction:out", "exchange:invoices", "has_routing_key:true", "type:rabbitmq"],
    ["direction:in", "manual_checkpoint:true", "topic:arn:aws:sns:us-east-1:1:t", "type:sns"],
    ["direction:in", "topic:Ünïcode/€", "type:kafka"],
    # In UTF-16 the emoji sorts before U+FF5E, in UTF-8 and as code points after it.
    ["\U0001f600:1", "\uff5e:1", "direction:out", "type:kafka"],
    ["Topic:a", "topic:B", "topic:a", "direction:in"],
    ["direction:out"],
]
TIMES_MS = [1, 63, 64, 8191, 8192, 2**33, 1_786_000_000_000, 2**41 - 1, 2**41, 2**42 + 12_345]


def survives(ms):
    """Whether ddtrace, which keeps times as float seconds, still has this millisecond when it writes it."""
    return int(ms / 1000 * 1e3) == ms


def exact_ms(near):
    """The first time from `near` on that survives."""
    return next(ms for ms in range(near, near + 1000) if survives(ms))


class Headers:
    """Our client and a ddtrace service of the same name; ours is in host mode, so that its payloads can be read."""

    def __init__(self, library, peer, client):
        self.library, self.peer, self.client = library, peer, client
        self.now = int(time.time() * 1000)

    def walk(self, header, steps):
        """The same as ddtrace_service.walk, by our library."""
        pathway, headers = None, []
        for tags, now_ms in steps:
            pathway, header_after = self.client.checkpoint(tags, header, pathway, now_ns=now_ms * 1_000_000)
            headers.append(header_after.decode())
            header = b""
        return headers

    def hashes(self):
        """Both give the same hash to a checkpoint, for all sorts of tags"""
        found = [walk[1]["hash"] for walk in self.peer.walks([[{}, [[tags, self.now]]] for tags in EDGES])]
        ours = [self.client.checkpoint(tags, now_ns=self.now * 1_000_000)[0].hash for tags in EDGES]
        for tags, theirs, own in zip(EDGES, found, ours, strict=True):
            equal(f"the hash of {tags}", own, theirs)
        equal("the number of different hashes", len(set(ours)), len(EDGES))
        return f"{len(EDGES)} edges"

    def theirs_read(self):
        """Headers of ddtrace, under its key and in its old binary form, are read with their hash and times"""
        walks = []
        for start in TIMES_MS:
            start = exact_ms(start)
            walks.append([{}, [[KAFKA_OUT, start], [["direction:in", "topic:orders"], exact_ms(start + 40_000)]]])
        for (_, steps), (_, *taken) in zip(walks, self.peer.walks(walks), strict=True):
            for (_, at), step in zip(steps, taken, strict=True):
                text = step["header"].encode()
                for form in (text, base64.b64decode(text)):
                    pathway = self.library.decode(form)
                    equal("the hash", pathway.hash, step["hash"])
                    equal("the start in ms", pathway.start_ns, steps[0][1] * 1_000_000)
                    equal("the edge start in ms", pathway.edge_start_ns, at * 1_000_000)
                equal("the header written again", self.library.encode(self.library.decode(text)), text)
        return f"{2 * len(walks)} headers"

    def ours_read(self):
        """Our headers, and our old binary form, are read by ddtrace with their hash and times"""
        pathways = []
        for hash_value, start in zip((1, 255, 2**63, 2**64 - 1, *range(7, 13)), TIMES_MS, strict=True):
            pathways.append(ds.Pathway(hash_value, start * 1_000_000, (start + 77) * 1_000_000))
        walks = []
        for pathway in pathways:
            binary = {"hex": self.library.encode(pathway, binary=True).hex()}
            for carrier in ({ds.HEADER_KEY: self.library.encode(pathway).decode()}, {ds.HEADER_KEY_LEGACY: binary}):
                walks.append([carrier, [[["direction:in", "topic:orders"], self.now]]])
        for at, (read, taken) in enumerate(self.peer.walks(walks)):
            pathway = pathways[at // 2]
            equal("the hash that ddtrace reads", read["hash"], pathway.hash)
            equal("the parent that ddtrace goes on from", taken["parent"], pathway.hash)
            equal("the start that ddtrace reads", read["start"], pathway.start_ns // 1_000_000 / 1e3)
            equal("the edge start that ddtrace reads", read["at"], pathway.edge_start_ns // 1_000_000 / 1e3)
        return f"{len(walks)} headers"

    def chains(self):
        """Chains of hops go on with equal headers, whoever takes the next hop, and with equal parents and latencies"""
        chance = random.Random(20_260_101)
        count, hops, noted = 60, 6, {}
        headers = [""] * count
        times = [exact_ms(self.now - chance.randrange(4000, 9000)) for _ in range(count)]
        self.drain()
        for hop in range(hops):
            walks = []
            for chain in range(count):
                steps = []
                for step in range(chance.randrange(1, 5)):
                    # A direction may come again: both then go back to the closest of the other direction.
                    direction = chance.choice(["in", "out"])
                    times[chain] = exact_ms(times[chain] + chance.randrange(200))
                    tags = ["type:kafka", f"topic:{chain}.{hop}.{step}", f"direction:{direction}"]
                    steps.append([tags, times[chain]])
                carrier = {ds.HEADER_KEY: headers[chain]} if headers[chain] else {}
                walks.append([carrier, steps])
            for chain, (_, *taken) in enumerate(self.peer.walks(walks)):
                steps = walks[chain][1]
                ours = self.walk(headers[chain].encode(), steps)
                equal("our headers", ours, [step["header"] for step in taken])
                headers[chain] = (ours if hop % 2 else [step["header"] for step in taken])[-1]
                for at, ((tags, _), step) in enumerate(zip(steps, taken, strict=True)):
                    # On a repeat ddtrace counts the edge from the last turn, we from the edge's start before it (as
                    # dd-trace-js and -rb do).
                    repeat = at > 0 and tags[2] == steps[at - 1][0][2] and step["parent"] != 0
                    noted[tuple(sorted(tags))] = (step, repeat)
        self.compare(self.drain(), noted)
        return f"{count} chains of {hops} hops, {len(noted)} checkpoints"

    def compare(self, points, noted):
        """The points in our payloads with what ddtrace noted of each checkpoint."""
        equal("the number of points", len(points), len(noted))
        for tags, (step, repeat) in noted.items():
            point = points[tags]
            equal(f"the hash of {tags}", point["Hash"], step["hash"])
            equal(f"the parent of {tags}", point["ParentHash"], step["parent"])
            for field, name in (("PathwayLatency", "pathway"), ("EdgeLatency", "edge")):
                if name == "edge" and repeat:
                    continue
                ((value, messages),) = decode_sketch(point[field]).values()
                equal(f"the count of {tags}", messages, 1)
                # A bin is 0.8 % to either side; ddtrace subtracts floats and is a microsecond off.
                if abs(value - step[name]) > 0.008 * step[name] + 2e-6:
                    raise Wrong(f"the {field} of {tags} is {value} s, ddtrace has {step[name]} s")

    def drain(self):
        """The current points of all payloads, by their tags."""
        self.client.flush()
        points = {}
        while (payload := self.client.take()) is not None:
            for bucket in msgpack.unpackb(gzip.decompress(payload.body))["Stats"]:
                for point in bucket["Stats"]:
                    if point["TimestampType"] == "current":
                        points[tuple(sorted(point["EdgeTags"]))] = point
            self.client.settle(payload, 202)
        return points

    def rounding(self):
        """A millisecond that ddtrace's float seconds cannot keep is kept by us, and off by one after ddtrace's hop"""
        chance = random.Random(1)
        times = [ms for ms in (chance.randrange(10**12, 2 * 10**12) for _ in range(20_000)) if not survives(ms)]
        pathways = [ds.Pathway(5, ms * 1_000_000, ms * 1_000_000) for ms in times]
        ours = [self.library.encode(pathway) for pathway in pathways]
        walks = [[{ds.HEADER_KEY: text.decode()}, [[["direction:in"], self.now]]] for text in ours]
        for ms, text, (_, taken) in zip(times, ours, self.peer.walks(walks), strict=True):
            (own,) = self.walk(text, [[["direction:in"], ms + 1000]])
            equal("our start after a hop", self.library.decode(own.encode()).start_ns, ms * 1_000_000)
            theirs = self.library.decode(taken["header"].encode())
            equal("ddtrace's start after a hop", theirs.start_ns, (ms - 1) * 1_000_000)
        return f"{len(times)} of 20000 times from 2001 to 2033"

    def checks(self):
        return [self.hashes, self.theirs_read, self.ours_read, self.chains, self.rounding]


def without_env(library, peer, client):
    """A ddtrace service without DD_ENV hashes the environment \"none\": ours with that environment has its hashes"""
    equal("ddtrace's environment", peer.hello()["env"], "none")
    now = int(time.time() * 1000)
    (_, taken) = peer.walk({}, [[KAFKA_OUT, now]])
    pathway, _ = client.checkpoint(KAFKA_OUT, now_ns=now * 1_000_000)
    equal("our hash", pathway.hash, taken["hash"])
