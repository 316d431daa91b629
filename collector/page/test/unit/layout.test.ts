import * as dagre from "@dagrejs/dagre";
import { expect, test } from "vitest";
import { layered } from "../../src/layout/layers";
import { type Layout, layout } from "../../src/layout/layout";
import { count, order } from "../../src/layout/order";
import { spread } from "../../src/layout/place";
import { company, type Shape } from "../graphs";

const node = (id: string) => ({ id, width: 100, height: 40 });
const shape = (...ends: string[]): Shape => {
  const edges = ends.map((text, at) => {
    const [from = "", to = ""] = text.split(">");
    return { id: `e${at}`, from, to };
  });
  return { nodes: [...new Set(edges.flatMap(({ from, to }) => [from, to]))].map(node), edges };
};

/** No two nodes cover each other, everything is inside. */
function sound(made: Layout, input: Shape): void {
  expect(made.nodes.size).toBe(input.nodes.length);
  const boxes = [...made.nodes.values()];
  const inside = ({ x, y, width, height }: (typeof boxes)[number]) =>
    x - width / 2 >= 0 && y - height / 2 >= 0 && x + width / 2 <= made.width && y + height / 2 <= made.height;
  expect(boxes.filter((box) => !inside(box))).toEqual([]);
  const covers = (a: (typeof boxes)[number], b: (typeof boxes)[number]) =>
    Math.abs(a.x - b.x) < (a.width + b.width) / 2 && Math.abs(a.y - b.y) < (a.height + b.height) / 2;
  expect(boxes.filter((a, at) => boxes.some((b, other) => other > at && covers(a, b)))).toEqual([]);
}

test("a pipeline runs from left to right", () => {
  const input = shape("orders>q1", "q1>payments", "payments>q2", "q2>ledger", "q2>mailer");
  const made = layout(input);
  sound(made, input);
  const x = (id: string) => made.nodes.get(id)!.x;
  expect(x("orders")).toBeLessThan(x("q1"));
  expect(x("payments")).toBeLessThan(x("q2"));
  expect(x("ledger")).toBe(x("mailer"));
  // A chain is straight.
  expect(made.nodes.get("orders")!.y).toBeCloseTo(made.nodes.get("payments")!.y, 3);
});

test("edges start and end at their nodes, those that lead back too", () => {
  const input = shape("a>q", "q>b", "b>r", "r>b", "b>end", "a>end");
  const made = layout(input);
  sound(made, input);
  for (const { id, from, to } of input.edges) {
    const { points } = made.edges.get(id)!;
    for (const [name, point] of [[from, points[0]!], [to, points.at(-1)!]] as const) {
      const box = made.nodes.get(name)!;
      expect(Math.abs(point.x - box.x)).toBeCloseTo(box.width / 2);
      expect(Math.abs(point.y - box.y)).toBeLessThanOrEqual(box.height / 2);
    }
  }
});

test("edges of the same two nodes run apart, and no label covers another", () => {
  const made = layout(shape("a>q", "a>q", "a>q", "q>b", "b>q", "q>c", "q>d"));
  const labels = [...made.edges.values()].map(({ label }) => label);
  labels.forEach((a, at) => {
    for (const b of labels.slice(at + 1)) if (Math.abs(a.x - b.x) < 100) expect(Math.abs(a.y - b.y)).toBeGreaterThanOrEqual(26);
  });
});

test("loops at one node, parts of their own and nothing at all are laid out", () => {
  expect(layout({ nodes: [], edges: [] })).toMatchObject({ width: 0, height: 0 });
  const input = shape("a>a", "b>c", "d>e", "x>x");
  sound(layout(input), input);
  sound(layout({ nodes: [node("alone")], edges: [] }), { nodes: [node("alone")], edges: [] });
});

test("an edge to a node that is not there is left out", () => {
  expect(layout({ nodes: [node("a")], edges: [{ id: "e", from: "a", to: "gone" }] }).edges.size).toBe(0);
});

test("on a phone the map runs down", () => {
  const input = shape("orders>q1", "q1>payments", "payments>q2", "q2>ledger", "q2>mailer");
  const made = layout(input, true);
  sound(made, input);
  expect(made.height).toBeGreaterThan(made.width);
  expect(made.nodes.get("orders")!.y).toBeLessThan(made.nodes.get("q1")!.y);
  expect(made.nodes.get("ledger")).toMatchObject({ width: 100, height: 40, y: made.nodes.get("mailer")!.y });
  const line = made.edges.get("e0")!.points;
  expect(line[0]!.y).toBeCloseTo(made.nodes.get("orders")!.y + 20);
});

test("the same graph is laid out the same", () => {
  expect(layout(company(80))).toEqual(layout(company(80)));
});

test("what is spread stays in order, apart, and near to its wishes", () => {
  expect(spread([0, 100], [1, 1], [10, 10], 5)).toEqual([0, 100]);
  expect(spread([0, 0], [1, 1], [10, 10], 5)).toEqual([-7.5, 7.5]);
  expect(spread([0, 0, 100], [1, 3, 1], [10, 10, 10], 5)).toEqual([-11.25, 3.75, 100]);
});

/** Crossings of what another layout made of the same graph. */
function dagreLayers(input: Shape): { crossings: number; ms: number } {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: "LR", ranker: "tight-tree", nodesep: 30, ranksep: 150 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id, width, height } of input.nodes) graph.setNode(id, { width, height });
  for (const { id, from, to } of input.edges) graph.setEdge(from, to, { width: 0, height: 0 }, id);
  const before = process.cpuUsage().user;
  dagre.layout(graph);
  const ms = (process.cpuUsage().user - before) / 1000;
  const lines = graph.edges().map((edge) => (graph.edge(edge) as { points: { x: number; y: number }[] }).points);
  return { crossings: crossings(lines), ms };
}

/** Pairs of lines that cross, counted on the drawing itself. */
function crossings(lines: { x: number; y: number }[][]): number {
  type Piece = { line: number; a: { x: number; y: number }; b: { x: number; y: number } };
  const pieces: Piece[] = lines.flatMap((points, line) => points.slice(1).map((b, at) => ({ line, a: points[at]!, b })));
  const side = (p: { x: number; y: number }, { a, b }: Piece) => Math.sign((b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x));
  let found = 0;
  pieces.forEach((p, at) => {
    for (const q of pieces.slice(at + 1)) {
      if (p.line === q.line) continue;
      if (Math.max(p.a.x, p.b.x) <= Math.min(q.a.x, q.b.x) || Math.max(q.a.x, q.b.x) <= Math.min(p.a.x, p.b.x)) continue;
      if (side(q.a, p) * side(q.b, p) < 0 && side(p.a, q) * side(p.b, q) < 0) found++;
    }
  });
  return found;
}

test("500 nodes: faster than dagre, and no more crossings", { timeout: 120_000 }, () => {
  const input = company(500);
  layout(input);
  const times = [1, 2, 3].map(() => {
    const before = process.cpuUsage().user;
    layout(input);
    return (process.cpuUsage().user - before) / 1000;
  });
  const made = layout(input);
  sound(made, input);
  const ours = Math.min(...times);
  const mine = crossings([...made.edges.values()].map(({ points }) => points));
  dagreLayers(company(60));
  const other = dagreLayers(input);
  console.log(`layout of 500 nodes, ${input.edges.length} edges: ${ours.toFixed(0)} ms of CPU, ${mine} crossings; dagre ${other.ms.toFixed(0)} ms, ${other.crossings} crossings`);
  expect(ours).toBeLessThan(other.ms / 2);
  expect(mine).toBeLessThanOrEqual(other.crossings * 1.1);
});

test("crossings are counted right", () => {
  const { layers } = layered(4, [1, 1, 1, 1], [[0, 3], [1, 2]]);
  expect(count(layers)).toBe(1);
  order(layers);
  expect(count(layers)).toBe(0);
});
