// Heights: each cell as near to its neighbours as the order and the distances allow.
import type { Cell } from "./layers";

const ROUNDS = 16;

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
  for (let round = 0; round < ROUNDS; round++) {
    const right = round % 2 === 0;
    const last = round >= ROUNDS - 2;
    for (const layer of right ? layers : layers.slice().reverse()) {
      const wish = layer.map((cell) => wished(cell, last ? [cell.before, cell.after] : [right ? cell.before : cell.after]));
      const force = layer.map((cell) => (cell.node < 0 ? 8 : 1 + cell.before.length + cell.after.length));
      const free = spread(wish, force, layer.map((cell) => cell.height), gap);
      layer.forEach((cell, at) => (cell.y = free[at]!));
    }
  }
}

/** The mean of the neighbours, bends counted more: they keep long edges straight. */
function wished(cell: Cell, sides: Cell[][]): number {
  let [sum, weights] = [0, 0];
  for (const side of sides) {
    for (const other of side) {
      const weight = cell.node < 0 && other.node < 0 ? 4 : 1;
      sum += weight * other.y;
      weights += weight;
    }
  }
  return weights ? sum / weights : cell.y;
}

/**
 * The places nearest to those wished (least squares, weighted), in the same order and with a gap between: neighbours that
 * would overlap are joined into blocks, and a block goes to the mean of its wishes.
 */
export function spread(wish: number[], force: number[], heights: number[], gap: number): number[] {
  type Block = { first: number; length: number; weight: number; sum: number; at: number };
  const blocks: Block[] = [];
  // What lies between a cell and the first of all; without it a wish is comparable with any other.
  const offsets: number[] = [];
  let offset = 0;
  wish.forEach((wished, index) => {
    if (index) offset += (heights[index - 1]! + heights[index]!) / 2 + gap;
    offsets.push(offset);
    const sum = (wished - offset) * force[index]!;
    let block: Block = { first: index, length: 1, weight: force[index]!, sum, at: wished - offset };
    for (let before = blocks.at(-1); before && before.at > block.at; before = blocks.at(-1)) {
      blocks.pop();
      const [weight, sum] = [before.weight + block.weight, before.sum + block.sum];
      block = { first: before.first, length: before.length + block.length, weight, sum, at: sum / weight };
    }
    blocks.push(block);
  });
  return blocks.flatMap(({ first, length, at }) => Array.from({ length }, (_, step) => at + offsets[first + step]!));
}
