// Heights: each cell as near to its neighbours as the order and the distances allow.
import type { Cell } from "./layers";

const ROUNDS = 12;

/** Gives each cell its y, the middle of it. */
export function place(layers: Cell[][], gap: number): void {
  for (const layer of layers) {
    let y = 0;
    for (const cell of layer) {
      cell.y = y + cell.height / 2;
      y += cell.height + gap;
    }
    // Around one line, so that nothing starts far off.
    for (const cell of layer) cell.y -= (y - gap) / 2;
  }
  // What does not change from round to round.
  const forces = layers.map((layer) => layer.map((cell) => (cell.node < 0 ? 8 : 1 + cell.before.length + cell.after.length)));
  const heights = layers.map((layer) => layer.map((cell) => cell.height));
  for (let round = 0; round < ROUNDS; round++) {
    const right = round % 2 === 0;
    const last = round >= ROUNDS - 2;
    for (let step = 0; step < layers.length; step++) {
      const rank = right ? step : layers.length - 1 - step;
      const layer = layers[rank]!;
      const wish: number[] = [];
      for (let at = 0; at < layer.length; at++) wish.push(wished(layer[at]!, right || last, !right || last));
      const free = spread(wish, forces[rank]!, heights[rank]!, gap);
      for (let at = 0; at < layer.length; at++) layer[at]!.y = free[at]!;
    }
  }
}

/** The mean of the neighbours, bends counted more: they keep long edges straight. */
function wished(cell: Cell, before: boolean, after: boolean): number {
  let sum = 0;
  let weights = 0;
  const { before: left, after: right } = cell;
  for (let at = before ? 0 : left.length; at < left.length + (after ? right.length : 0); at++) {
    const other = at < left.length ? left[at]! : right[at - left.length]!;
    const weight = cell.node < 0 && other.node < 0 ? 4 : 1;
    sum += weight * other.y;
    weights += weight;
  }
  return weights ? sum / weights : cell.y;
}

/**
 * The places nearest to those wished (least squares, weighted), in the same order and with a gap between: neighbours that
 * would overlap are joined into blocks, and a block goes to the mean of its wishes.
 */
export function spread(wish: number[], force: number[], heights: number[], gap: number): number[] {
  const length = wish.length;
  // What lies between a cell and the first of all; without it a wish is comparable with any other.
  const offsets = new Float64Array(length);
  // Of each block: where it begins, its force, and its place.
  const first = new Int32Array(length);
  const weights = new Float64Array(length);
  const places = new Float64Array(length);
  let blocks = 0;
  for (let at = 0; at < length; at++) {
    if (at) offsets[at] = offsets[at - 1]! + (heights[at - 1]! + heights[at]!) / 2 + gap;
    let begin = at;
    let weight = force[at]!;
    let place = wish[at]! - offsets[at]!;
    for (; blocks > 0 && places[blocks - 1]! > place; blocks--) {
      const other = weights[blocks - 1]!;
      place = (place * weight + places[blocks - 1]! * other) / (weight + other);
      weight += other;
      begin = first[blocks - 1]!;
    }
    first[blocks] = begin;
    weights[blocks] = weight;
    places[blocks++] = place;
  }
  const found: number[] = [];
  for (let at = 0, block = 0; at < length; at++) {
    if (block + 1 < blocks && first[block + 1] === at) block++;
    found.push(places[block]! + offsets[at]!);
  }
  return found;
}
