// The graph in layers: cycles cut open, a rank for each node, and a chain of bends for each edge that skips ranks.

export type Input = {
  nodes: { id: string; width: number; height: number }[];
  /** `label`: the height of the edge's label. */
  edges: { id: string; from: string; to: string; label?: number }[];
};

/** A node, or a bend of an edge: what has a place in a layer. */
export type Cell = {
  /** The node's index; -1: a bend. */
  node: number;
  rank: number;
  height: number;
  /** Cells of the rank before and after that it is joined to. */
  before: Cell[];
  after: Cell[];
  /** Its place in its layer, kept by the ordering. */
  order: number;
  y: number;
  /** What the ordering sorts by. */
  weight: number;
};

export type Layers = {
  layers: Cell[][];
  /** Of each node. */
  cells: Cell[];
  /** Of each edge: its cells from its left end to its right end; empty for a loop at one node. */
  chains: Cell[][];
  /** Whether an edge runs from right to left. */
  reversed: boolean[];
};

export function layered(count: number, heights: number[], ends: [number, number][]): Layers {
  const reversed = backward(count, ends);
  const forward = ends.map(([from, to], edge): [number, number] => (reversed[edge] ? [to, from] : [from, to]));
  const ranks = rank(count, forward);
  const layers: Cell[][] = Array.from({ length: Math.max(0, ...ranks) + 1 }, () => []);
  const cell = (node: number, rank: number, height: number): Cell => {
    const layer = layers[rank]!;
    const made = { node, rank, height, before: [], after: [], order: layer.length, y: 0, weight: 0 };
    layer.push(made);
    return made;
  };
  const cells = ranks.map((rank, node) => cell(node, rank, heights[node]!));
  const chains = forward.map(([from, to]) => {
    if (from === to) return [];
    const chain = [cells[from]!];
    for (let at = ranks[from]! + 1; at < ranks[to]!; at++) chain.push(cell(-1, at, BEND));
    chain.push(cells[to]!);
    for (let at = 1; at < chain.length; at++) {
      chain[at - 1]!.after.push(chain[at]!);
      chain[at]!.before.push(chain[at - 1]!);
    }
    return chain;
  });
  return { layers, cells, chains, reversed };
}

/** The room of an edge that passes a layer. */
const BEND = 10;

/** The edges that lead back, found by going through the graph from what nothing leads to. */
function backward(count: number, ends: [number, number][]): boolean[] {
  const out = neighbours(count, ends);
  const inputs = new Array<number>(count).fill(0);
  for (const [from, to] of ends) if (from !== to) inputs[to]!++;
  const reversed = ends.map(() => false);
  const state = new Uint8Array(count); // 1: on the way here, 2: done
  const visit = (root: number) => {
    if (state[root]) return;
    state[root] = 1;
    // By hand: pathways may be longer than the stack is deep.
    const way: { node: number; next: number }[] = [{ node: root, next: 0 }];
    for (let top = way.at(-1); top; top = way.at(-1)) {
      const edge = out[top.node]![top.next++];
      if (edge === undefined) {
        state[top.node] = 2;
        way.pop();
        continue;
      }
      const to = ends[edge]![1];
      if (state[to] === 1) reversed[edge] = true;
      else if (!state[to]) {
        state[to] = 1;
        way.push({ node: to, next: 0 });
      }
    }
  };
  for (let node = 0; node < count; node++) if (!inputs[node]) visit(node);
  for (let node = 0; node < count; node++) visit(node);
  return reversed;
}

/** Edges by the node that they leave. */
function neighbours(count: number, ends: [number, number][]): number[][] {
  const out: number[][] = Array.from({ length: count }, () => []);
  ends.forEach(([from], edge) => out[from]!.push(edge));
  return out;
}

/** As far left as possible; then what has more edges to the right than to the left as far right as possible. */
function rank(count: number, ends: [number, number][]): number[] {
  const out = neighbours(count, ends);
  const inputs = new Array<number>(count).fill(0);
  for (const [from, to] of ends) if (from !== to) inputs[to]!++;
  const degree = inputs.slice();
  const ranks = new Array<number>(count).fill(0);
  const sorted: number[] = [];
  for (let node = 0; node < count; node++) if (!inputs[node]) sorted.push(node);
  for (let at = 0; at < sorted.length; at++) {
    const node = sorted[at]!;
    for (const edge of out[node]!) {
      const to = ends[edge]![1];
      if (to === node) continue;
      ranks[to] = Math.max(ranks[to]!, ranks[node]! + 1);
      if (--inputs[to]! === 0) sorted.push(to);
    }
  }
  for (const node of sorted.reverse()) {
    const targets = out[node]!.map((edge) => ends[edge]![1]).filter((to) => to !== node);
    if (targets.length > degree[node]!) ranks[node] = Math.min(...targets.map((to) => ranks[to]!)) - 1;
  }
  return ranks;
}
