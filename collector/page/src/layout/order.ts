// The order inside the layers: few crossings.
import type { Cell } from "./layers";

/** Sweeps to the right and to the left; more change little. */
const SWEEPS = 12;

/** Sorts each layer so that few edges cross. */
export function order(layers: Cell[][]): void {
  start(layers);
  let least = Infinity;
  let best: Cell[][] = [];
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const right = sweep % 2 === 0;
    const way = right ? layers.slice(1) : layers.slice(0, -1).reverse();
    for (const layer of way) sortBy(layer, right ? "before" : "after", sweep % 4 > 1);
    transpose(layers);
    const crossings = count(layers);
    if (crossings < least) {
      least = crossings;
      best = layers.map((layer) => layer.slice());
    }
    if (least === 0) break;
  }
  best.forEach((layer, at) => number((layers[at] = layer)));
}

/** Along the edges from the left: what belongs together stands together from the start. */
function start(layers: Cell[][]): void {
  const seen = new Set<Cell>();
  const found: Cell[][] = layers.map(() => []);
  const stack = layers.flat().reverse();
  for (let cell = stack.pop(); cell; cell = stack.pop()) {
    if (seen.has(cell)) continue;
    seen.add(cell);
    found[cell.rank]!.push(cell);
    for (const next of cell.after) if (!seen.has(next)) stack.push(next);
  }
  found.forEach((layer, at) => number((layers[at] = layer)));
}

function number(layer: Cell[]): void {
  layer.forEach((cell, at) => (cell.order = at));
}

/** By the mean place of the neighbours; what has none keeps its own. `turn`: of equal ones the last comes first. */
function sortBy(layer: Cell[], side: "before" | "after", turn: boolean): void {
  for (const cell of layer) {
    const near = cell[side];
    let sum = 0;
    for (const other of near) sum += other.order;
    cell.weight = near.length ? sum / near.length : cell.order;
  }
  layer.sort((a, b) => a.weight - b.weight || (turn ? b.order - a.order : a.order - b.order));
  number(layer);
}

/** Swaps neighbours while that takes crossings away. */
function transpose(layers: Cell[][]): void {
  for (let round = 0, better = true; better && round < 4; round++) {
    better = false;
    for (const layer of layers) {
      for (let at = 1; at < layer.length; at++) {
        const [a, b] = [layer[at - 1]!, layer[at]!];
        const gain =
          between(a.before, b.before) - between(b.before, a.before) + between(a.after, b.after) - between(b.after, a.after);
        if (gain <= 0) continue;
        layer[at - 1] = b;
        layer[at] = a;
        [a.order, b.order] = [at, at - 1];
        better = true;
      }
    }
  }
}

/** Crossings of the edges of one that stands above another. */
function between(above: Cell[], below: Cell[]): number {
  let crossings = 0;
  for (const a of above) for (const b of below) if (a.order > b.order) crossings++;
  return crossings;
}

/** All crossings, with a tree of sums over each layer. */
export function count(layers: Cell[][]): number {
  let crossings = 0;
  for (let rank = 1; rank < layers.length; rank++) {
    const size = layers[rank]!.length;
    const sums = new Int32Array(size + 1);
    let seen = 0;
    for (const cell of layers[rank - 1]!) {
      const places = cell.after.map((next) => next.order);
      for (const place of places) {
        let upTo = 0;
        for (let at = place + 1; at > 0; at -= at & -at) upTo += sums[at]!;
        crossings += seen - upTo;
      }
      for (const place of places) {
        seen++;
        for (let at = place + 1; at <= size; at += at & -at) sums[at]!++;
      }
    }
  }
  return crossings;
}
