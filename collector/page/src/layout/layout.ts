// Where everything stands on the map. In layers from left to right, as dagre does it, in a tenth of its time: a map of
// 500 nodes must not be waited for (test/unit/layout.test.ts compares both). What runs most is plain loops: a page lays out
// once, before the engine has compiled any of it, when calls and iterators cost many times what they do later.
import { type Input, layered } from "./layers";
import { order } from "./order";
import { place, spread } from "./place";

export type Point = { x: number; y: number };
export type Box = Point & { width: number; height: number };
/** Where an edge runs, from its start to its end, and where its label stands. */
export type Line = { points: Point[]; label: Point };
export type Layout = { nodes: Map<string, Box>; edges: Map<string, Line>; width: number; height: number };

/** Between nodes of a layer, between layers (room for a label), around all; how wide beside high, as screens are. */
type Space = { gap: number; column: number; margin: number; shape: number };
const RIGHT: Space = { gap: 30, column: 132, margin: 40, shape: 1.7 };
const DOWN: Space = { gap: 16, column: 92, margin: 18, shape: 2 };
/** Between parts that nothing joins. */
const PART = 56;
/** Between edges of the same two nodes. */
const BUNDLE = 34;
const LABEL = 26;
/** How wide a label is where edges run down. */
const ASIDE = 124;

/** Lays out a graph; `down`: from top to bottom, for views that are higher than wide. */
export function layout(input: Input, down = false): Layout {
  return down ? turn(across(turnInput(input), DOWN)) : across(input, RIGHT);
}

function across(input: Input, space: Space): Layout {
  const result: Layout = { nodes: new Map(), edges: new Map(), width: 0, height: 0 };
  const parts = split(input).map((input) => part(input, space));
  const area = parts.reduce((sum, { width, height }) => sum + (width + PART) * (height + PART), 0);
  const wide = Math.max(Math.sqrt(area * space.shape), ...parts.map((part) => part.width));
  // In rows, the largest first; in a row smaller ones stand on each other where there is room for them.
  let row = { y: 0, height: 0, x: 0 };
  let column = { x: 0, width: 0, y: 0 };
  for (const part of parts) {
    const fits = part.width <= column.width && column.y + PART + part.height <= row.height;
    if (fits) column.y += PART;
    else {
      if (row.x > 0 && row.x + part.width > wide) row = { y: row.y + row.height + PART, height: 0, x: 0 };
      column = { x: row.x, width: part.width, y: 0 };
      row.x += part.width + PART;
    }
    move(part, space.margin + column.x, space.margin + row.y + column.y);
    for (const [id, box] of part.nodes) result.nodes.set(id, box);
    for (const [id, line] of part.edges) result.edges.set(id, line);
    column.y += part.height;
    row.height = Math.max(row.height, column.y);
    result.width = Math.max(result.width, column.x + part.width + 2 * space.margin);
    result.height = Math.max(result.height, row.y + column.y + 2 * space.margin);
  }
  return result;
}

function turnInput({ nodes, edges }: Input): Input {
  return {
    nodes: nodes.map(({ id, width, height }) => ({ id, width: height, height: width })),
    edges: edges.map((edge) => ({ ...edge, label: ASIDE })),
  };
}

/** Exchanges the axes. */
function turn({ nodes, edges, width, height }: Layout): Layout {
  const point = ({ x, y }: Point) => ({ x: y, y: x });
  return {
    nodes: new Map([...nodes].map(([id, box]) => [id, { ...point(box), width: box.height, height: box.width }])),
    edges: new Map([...edges].map(([id, { points, label }]) => [id, { points: points.map(point), label: point(label) }])),
    width: height,
    height: width,
  };
}

/** The parts of a graph that no edge joins, the largest first. */
function split({ nodes, edges }: Input): Input[] {
  const root = new Map(nodes.map(({ id }) => [id, id]));
  const find = (id: string): string => {
    let at = id;
    for (let up = root.get(at)!; up !== at; up = root.get(at)!) {
      root.set(at, root.get(up)!);
      at = up;
    }
    return at;
  };
  const known = edges.filter(({ from, to }) => root.has(from) && root.has(to));
  for (const { from, to } of known) root.set(find(from), find(to));
  const parts = new Map<string, Input>();
  for (const node of nodes) {
    const at = find(node.id);
    let part = parts.get(at);
    if (!part) parts.set(at, (part = { nodes: [], edges: [] }));
    part.nodes.push(node);
  }
  for (const edge of known) parts.get(find(edge.from))!.edges.push(edge);
  return [...parts.values()].sort((a, b) => b.nodes.length - a.nodes.length);
}

/** Lays out what is joined. */
function part({ nodes, edges }: Input, { gap, column }: Space): Layout {
  const index = new Map(nodes.map(({ id }, at) => [id, at]));
  const ends = edges.map(({ from, to }): [number, number] => [index.get(from)!, index.get(to)!]);
  const { layers, cells, chains, reversed } = layered(nodes.length, nodes.map(({ height }) => height), ends);
  order(layers);
  place(layers, gap);

  const columns: { x: number; width: number }[] = [];
  let x = 0;
  for (const layer of layers) {
    const width = Math.max(40, ...layer.map((cell) => (cell.node < 0 ? 0 : nodes[cell.node]!.width)));
    columns.push({ x: x + width / 2, width });
    x += width + column;
  }
  const made: Layout = { nodes: new Map(), edges: new Map(), width: x - column, height: 0 };
  nodes.forEach(({ id, width, height }, at) => {
    const cell = cells[at]!;
    made.nodes.set(id, { x: columns[cell.rank]!.x, y: cell.y, width, height });
  });
  const beside = bundles(ends);
  const labels: Label[] = [];
  chains.forEach((chain, at) => {
    const first = chain[0];
    const last = chain.at(-1);
    if (!first || !last) return;
    const shift = beside[at]!;
    const points = [{ x: columns[first.rank]!.x + nodes[first.node]!.width / 2, y: first.y + shift / 4 }];
    for (let bend = 1; bend < chain.length - 1; bend++) {
      const { x, width } = columns[chain[bend]!.rank]!;
      const y = chain[bend]!.y + shift;
      points.push({ x: x - width / 2, y }, { x: x + width / 2, y });
    }
    points.push({ x: columns[last.rank]!.x - nodes[last.node]!.width / 2, y: last.y + shift / 4 });
    if (shift && points.length === 2) {
      points.splice(1, 0, { x: (points[0]!.x + points[1]!.x) / 2, y: (points[0]!.y + points[1]!.y) / 2 + shift });
    }
    // Where edges of one node have parted already.
    const fans = first.after.length >= last.before.length;
    const near = fans || points.length > 3 ? 1 : 0;
    const rank = near && points.length > 3 ? first.rank : last.rank - 1;
    const a = points[0]!;
    const b = points.length > 3 ? points[1]! : points.at(-1)!;
    const middle = columns[rank]!.x + columns[rank]!.width / 2 + column / 2;
    const part = fans ? 0.62 : 0.38;
    const label = { x: middle, y: a.y + (b.y - a.y) * part + (points.length === 3 ? shift : 0) };
    if (reversed[at]) points.reverse();
    const line = { points, label };
    made.edges.set(edges[at]!.id, line);
    labels.push({ line, rank, height: edges[at]!.label ?? LABEL });
  });
  partLabels(labels, layers.length);
  return up(made);
}

type Label = { line: Line; rank: number; height: number };

/** Labels between the same layers do not cover each other. */
function partLabels(labels: Label[], ranks: number): void {
  const columns: Label[][] = Array.from({ length: ranks }, () => []);
  for (const label of labels) columns[label.rank]!.push(label);
  for (const column of columns) {
    column.sort((a, b) => a.line.label.y - b.line.label.y);
    const [wish, ones, heights] = [column.map(({ line }) => line.label.y), column.map(() => 1), column.map(({ height }) => height)];
    spread(wish, ones, heights, 4).forEach((y, at) => (column[at]!.line.label.y = y));
  }
}

/** How far an edge runs beside the others between the same nodes. */
function bundles(ends: [number, number][]): number[] {
  const bundle = new Map<number, number[]>();
  ends.forEach(([from, to], edge) => {
    const key = Math.min(from, to) * 2 ** 26 + Math.max(from, to);
    const others = bundle.get(key);
    if (others) others.push(edge);
    else bundle.set(key, [edge]);
  });
  const beside = ends.map(() => 0);
  for (const edges of bundle.values()) {
    edges.forEach((edge, at) => (beside[edge] = (at - (edges.length - 1) / 2) * BUNDLE));
  }
  return beside;
}

/** Moves a part so that its least y is 0. */
function up(part: Layout): Layout {
  let least = Infinity;
  let most = -Infinity;
  for (const { y, height } of part.nodes.values()) {
    least = Math.min(least, y - height / 2);
    most = Math.max(most, y + height / 2);
  }
  for (const { points, label } of part.edges.values()) {
    for (let at = 0; at < points.length; at++) {
      least = Math.min(least, points[at]!.y);
      most = Math.max(most, points[at]!.y);
    }
    least = Math.min(least, label.y - LABEL / 2);
    most = Math.max(most, label.y + LABEL / 2);
  }
  move(part, 0, -least);
  part.height = most - least;
  return part;
}

/** Moves all of a part. */
function move(part: Layout, x: number, y: number): void {
  const shift = (point: Point) => {
    point.x += x;
    point.y += y;
  };
  for (const box of part.nodes.values()) shift(box);
  for (const { points, label } of part.edges.values()) {
    for (let at = 0; at < points.length; at++) shift(points[at]!);
    shift(label);
  }
}
