import { expect, test } from "vitest";
import type { Graph, GraphEdge, GraphNode, GroupLag, Pathway } from "../../src/api";
import { THRESHOLDS } from "../../src/address";
import { choices, filter, found, matches, NO_ENV } from "../../src/filter";
import { alerts, edgeLevel, lagText, level } from "../../src/health";
import { layout } from "../../src/layout/layout";
import { arrows } from "../../src/map/keys";
import { edgeName, nodeDetail, nodeName } from "../../src/names";
import { parts } from "../../src/views/Chain";
import { groupsOf, wantedGroup } from "../../src/views/Lag";
import { sorted, wanted } from "../../src/views/Pathways";

const q = (p95: number) => ({ count: 10, p50: p95 / 2, p95, p99: p95, max: p95 });
const service = (service: string, env = "prod"): GraphNode => ({ kind: "service", id: `service:${env}/${service}`, env, service, langs: ["go"] });
const queue = (name: string, type = "kafka", env = "prod"): GraphNode => ({ kind: "queue", id: `queue:${env}/${type}//${name}`, env, type, cluster: "", name, service: null });
const edge = (kind: GraphEdge["kind"], from: GraphNode, to: GraphNode, more: Partial<GraphEdge> = {}): GraphEdge => ({
  id: `${from.id} ${to.id}`,
  kind,
  from: from.id,
  to: to.id,
  env: from.env,
  service: "",
  tags: ["group:billing"],
  messages: 10,
  rate: 1,
  edge_latency: q(0.1),
  pathway_latency: q(0.2),
  payload_size: q(512),
  lag: null,
  ...more,
});

const [a, b, c, other] = [service("a"), service("b"), service("c"), service("a", "staging")];
const [x, y, z] = [queue("x"), queue("y", "rabbitmq"), queue("z", "kafka", "staging")];
const unknown: GraphNode = { kind: "unknown", id: "unknown:prod", env: "prod" };
const graph: Graph = {
  now_ms: 0,
  started_ms: 0,
  nodes: [a, b, c, other, x, y, z, unknown],
  edges: [
    edge("produce", a, x),
    edge("consume", x, b, { edge_latency: q(1.2), lag: { messages: 6000, seconds: 3, partitions: 2, group: "billing" } }),
    edge("produce", b, y),
    edge("consume", y, c),
    edge("produce", other, z),
    edge("route", unknown, y, { tags: [], edge_latency: null }),
  ],
  received: { refused: 2 },
  cut: { edge_messages: 0, pathway_messages: 7 },
};
const names = ({ nodes }: { nodes: GraphNode[] }) => nodes.map(nodeName).sort();

test("filters keep what is wanted, with what is around it", () => {
  const none = { env: "", service: "", type: "" };
  expect(filter(graph, none)).toBe(graph);
  expect(names(filter(graph, { ...none, env: "staging" }))).toEqual(["a", "z"]);
  expect(names(filter(graph, { ...none, type: "rabbitmq" }))).toEqual(["b", "c", "unknown origin", "y"]);
  expect(names(filter(graph, { ...none, service: "a", env: "prod" }))).toEqual(["a", "b", "x"]);
  expect(filter(graph, { ...none, service: "nobody" })).toEqual({ nodes: [], edges: [] });
  expect(choices(graph)).toEqual({ envs: ["prod", "staging"], services: ["a", "b", "c"], types: ["kafka", "rabbitmq"] });
});

test("services without an environment can be told from all", () => {
  const [bare, jobs] = [service("bare", ""), queue("jobs", "sqs", "")];
  const mixed = { ...graph, nodes: [...graph.nodes, bare, jobs], edges: [...graph.edges, edge("produce", bare, jobs)] };
  expect(choices(mixed).envs).toEqual(["prod", "staging", NO_ENV]);
  expect(names(filter(mixed, { env: NO_ENV, service: "", type: "" }))).toEqual(["bare", "jobs"]);
  expect(choices({ ...graph, nodes: [bare, jobs] }).envs).toEqual([]);
  const [named, unnamed] = [pathway("1", 1, "a", "b"), pathway("2", 1, "a", "b")];
  for (const step of unnamed.steps) step.env = "";
  expect([named, unnamed].filter((one) => wanted(one, { env: NO_ENV, service: "", type: "", search: "" }))).toEqual([unnamed]);
  const group = (env: string) => ({ env, type: "kafka", group: "g", topic: "t", cluster: "" }) as GroupLag;
  expect(["", "prod"].map((env) => wantedGroup(group(env), { env: NO_ENV, type: "", search: "" }, null))).toEqual([true, false]);
});

test("the lag of a service is that of the groups that it consumes as", () => {
  const consumer = { ...graph, edges: [edge("consume", x!, b!, { service: "pay", tags: ["direction:in", "group:billing"] })] };
  const of = (service: string) =>
    ["billing", "pay", "payments"].filter((group) => wantedGroup({ group, env: "", type: "kafka" } as GroupLag, { env: "", type: "", search: "" }, groupsOf(consumer, service)));
  expect(of("")).toEqual(["billing", "pay", "payments"]);
  expect(of("pay")).toEqual(["billing", "pay"]);
  expect(of("a")).toEqual([]);
});

test("the search means each word, in names and tags", () => {
  expect(found(graph, " ")).toBe(null);
  expect([...found(graph, "RABBIT")!]).toEqual([y!.id]);
  expect([...found(graph, "group:bill")!].length).toBe(5);
  expect([...found(graph, "prod x")!]).toEqual([x!.id]);
  expect(matches("b a", "abc")).toBe(true);
  expect(matches("b d", "abc")).toBe(false);
});

test("levels begin at a threshold, and again at five times it", () => {
  expect([null, undefined, 0.99, 1, 4.99, 5].map((value) => level(value, 1))).toEqual([0, 0, 0, 1, 1, 2]);
  expect(graph.edges.map((edge) => edgeLevel(edge, THRESHOLDS))).toEqual([0, 2, 0, 0, 0, 0]);
  expect(edgeLevel(graph.edges[1]!, { slow: 2, lag: 10_000, late: 10 })).toBe(0);
});

test("alerts: the worst first, what is cut and refused by its number", () => {
  const said = alerts(graph, THRESHOLDS, graph.edges).map(({ kind, level, title }) => `${kind} ${level} ${title}`);
  expect(said).toEqual(["lag 2 x → b (billing)", "slow 1 x → b (billing)", "cut 1 7 cut", "refused 1 2 refused", "unknown 1 Unknown origin in prod"]);
  expect(alerts({ ...graph, nodes: [a!], received: {}, cut: {} }, THRESHOLDS, [])).toEqual([]);
  const full = alerts({ ...graph, nodes: [], received: {}, cut: {}, history: { from_ms: null, error: "the disk is full" } }, THRESHOLDS, []);
  expect(full).toEqual([{ kind: "history", level: 2, title: "History not written", detail: "the disk is full" }]);
  expect(lagText({ messages: 1, seconds: null })).toBe("1 message behind");
  expect(lagText({ messages: null, seconds: null })).toBe("lag unknown");
});

test("names", () => {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  expect(edgeName(edge("consume", x!, b!, { tags: ["group:b"] }), nodes)).toBe("x → b");
  expect(nodeName({ kind: "queue", id: "", env: "", type: "http", cluster: "", name: "", service: "a" })).toBe("http of a");
  expect(nodeDetail({ kind: "queue", id: "", env: "", type: "kafka", cluster: "east", name: "t", service: null })).toBe("kafka · east");
});

test("arrow keys follow the edges", () => {
  const drawing = layout({ nodes: graph.nodes.map(({ id }) => ({ id, width: 100, height: 40 })), edges: graph.edges });
  const go = (arrow: string, key: string) => arrows(arrow, key, graph, drawing);
  expect(go("ArrowRight", `node:${a!.id}`)).toBe(`edge:${graph.edges[0]!.id}`);
  expect(go("ArrowRight", `edge:${graph.edges[0]!.id}`)).toBe(`node:${x!.id}`);
  expect(go("ArrowLeft", `node:${x!.id}`)).toBe(`edge:${graph.edges[0]!.id}`);
  expect(go("ArrowLeft", `node:${a!.id}`)).toBe(null);
  expect(go("ArrowRight", "node:gone")).toBe(null);
});

const pathway = (id: string, p95: number | null, ...services: string[]): Pathway => ({
  id,
  origin: "known",
  steps: services.flatMap((name, at) => [
    ...(at ? [{ edge: "", env: "prod", service: name, direction: "in" as const, tags: [`topic:t${at}`, "type:kafka"] }] : []),
    ...(at < services.length - 1 ? [{ edge: "", env: "prod", service: name, direction: "out" as const, tags: [`topic:t${at + 1}`, "type:kafka"] }] : []),
  ]),
  continues: false,
  messages: 1,
  rate: 1,
  latency: p95 === null ? null : q(p95),
});

test("pathways: their parts, sorted, what was not measured last", () => {
  expect(parts(pathway("p", 1, "a", "b")).map(({ kind, name }) => `${kind} ${name}`)).toEqual(["service a", "queue kafka t1", "service b"]);
  const all = [pathway("1", 2, "a", "b"), pathway("2", null, "b", "c"), pathway("3", 3, "c", "d")];
  const ids = (list: Pathway[]) => list.map(({ id }) => id).join("");
  expect(ids(sorted(all, "p95", true))).toBe("312");
  expect(ids(sorted(all, "p95", false))).toBe("132");
  expect(ids(sorted(all, "name", false))).toBe("123");
  const nothing = { env: "", service: "", type: "", search: "" };
  expect(all.filter((pathway) => wanted(pathway, { ...nothing, service: "c" })).map(({ id }) => id)).toEqual(["2", "3"]);
  expect(all.filter((pathway) => wanted(pathway, { ...nothing, search: "t1 b" })).map(({ id }) => id)).toEqual(["1", "2"]);
  expect(all.filter((pathway) => wanted(pathway, { ...nothing, type: "sqs" }))).toEqual([]);
});
