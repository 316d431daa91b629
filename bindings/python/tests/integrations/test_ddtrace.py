"""The released ddtrace and ours in one pipeline, each process by the instrumentation of the one or the other."""

import uuid

import pytest
from agent import Agent
from datastreams import HEADER_KEY, Pathway
from points import Points

COUNT = 20
DDTRACE = {
    "DD_DATA_STREAMS_ENABLED": "true",
    # Nothing but its data streams is wanted; without traces it has none.
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    "DD_CRASHTRACKING_ENABLED": "false",
}


def _or_traces(answer):
    def do_POST(handler):
        if not handler.path.endswith("/traces"):
            return answer(handler)
        handler.rfile.read(int(handler.headers["Content-Length"]))
        handler.send_response(200)
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        handler.wfile.write(b"{}")

    return do_POST


class OpenAgent(Agent):
    """Takes ddtrace's payloads, too, which have no id, and whose points do not say that they are of now; and its traces,
    which nobody looks at."""

    def __init__(self):
        super().__init__()
        answer = self.RequestHandlerClass.do_POST
        self.RequestHandlerClass = type("Handler", (self.RequestHandlerClass,), {"do_POST": _or_traces(answer)})

    def take(self, headers, body):
        super().take({"datastreams-payload-id": uuid.uuid4().hex, **headers}, body)
        for bucket in self.payloads[-1]["Stats"]:
            for point in bucket["Stats"]:
                point.setdefault("TimestampType", "current")


@pytest.fixture
def agent():
    with OpenAgent() as agent:
        yield agent
        assert agent.faults == []


@pytest.mark.parametrize("services", [("ours", "ddtrace") * 2, ("ddtrace", "ours") * 2], ids=["ours", "ddtrace"])
def test_one_pathway(agent, program, kafka, services):
    """Four services: each hands on to one of the other kind."""
    topics, warm = ["-", *(kafka.topic(f"hop{at}") for at in range(3)), "-"], kafka.topic("warm")
    running, edges, backlogs = [], [], {kafka.backlog("produce", warm): 3}
    for at, kind in enumerate(services):
        source, target = topics[at : at + 2]
        command = ["under_ddtrace.py"] if kind == "ddtrace" else ["-m", "datastreams", "run"]
        hop = ["kafka_hop.py", kafka.address, warm, f"group{at}", source, target, str(COUNT)]
        running.append(program(*command, *hop, DD_SERVICE=f"{kind}{at}", **(DDTRACE if kind == "ddtrace" else {})))
        if source != "-":
            edges.append(kafka.edge("in", source, f"group{at}"))
            backlogs[kafka.backlog("commit", source, f"group{at}")] = COUNT
        if target != "-":
            edges.append(kafka.edge("out", target))
            backlogs[kafka.backlog("produce", target)] = COUNT - 1
    for one in running:
        one.finish(timeout=100)
    points = Points(agent.points())
    assert points.counts() == {**dict.fromkeys(edges, COUNT), kafka.edge("out", warm): 4}
    points.chain(*edges)
    assert len(edges) == 6
    # Both tell how far they are, in the same words, and agree.
    told = {tags: offset for tags, offset in agent.backlogs().items() if "type:kafka_high_watermark" not in tags}
    assert told == backlogs
    # Every message has carried the time of its origin along, and each hop has its own header.
    headers = [[dict(one)[HEADER_KEY] for _, _, one in kafka.read(topic, COUNT)] for topic in topics[1:-1]]
    for hops in zip(*headers, strict=True):
        pathways = [Pathway.decode(header) for header in hops]
        assert len({pathway.start_ns for pathway in pathways}) == 1
        assert len({pathway.hash for pathway in pathways}) == 3
