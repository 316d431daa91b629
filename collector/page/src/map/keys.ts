// The arrow keys follow the edges: right to where messages go, left to where they come from, up and down beside.
import type { GraphEdge, GraphNode } from "../api";
import type { Layout } from "../layout/layout";

type Shown = { nodes: GraphNode[]; edges: GraphEdge[] };

/** What an arrow key leads to from `node:ID` or `edge:ID`; null: nothing. */
export function arrows(arrow: string, key: string, { nodes, edges }: Shown, drawing: Layout): string | null {
  const id = key.slice(5);
  const height = (edge: GraphEdge) => drawing.edges.get(edge.id)?.label.y ?? 0;
  const nearest = (found: GraphEdge[], y: number) =>
    found.reduce<GraphEdge | null>((best, edge) => (!best || Math.abs(height(edge) - y) < Math.abs(height(best) - y) ? edge : best), null);
  if (key.startsWith("edge:")) {
    const edge = edges.find((edge) => edge.id === id);
    if (!edge) return null;
    if (arrow === "ArrowRight") return `node:${edge.to}`;
    if (arrow === "ArrowLeft") return `node:${edge.from}`;
    // Beside it: what has an end in common.
    const near = edges.filter((other) => other.from === edge.from || other.to === edge.to).sort((a, b) => height(a) - height(b));
    const next = near[near.indexOf(edge) + (arrow === "ArrowDown" ? 1 : -1)];
    return next ? `edge:${next.id}` : null;
  }
  const box = drawing.nodes.get(id);
  if (!box) return null;
  if (arrow === "ArrowRight" || arrow === "ArrowLeft") {
    const ways = edges.filter((edge) => (arrow === "ArrowRight" ? edge.from : edge.to) === id);
    const edge = nearest(ways, box.y);
    return edge && `edge:${edge.id}`;
  }
  let next: { id: string; y: number } | null = null;
  for (const node of nodes) {
    const other = drawing.nodes.get(node.id);
    if (!other || Math.abs(other.x - box.x) > 20) continue;
    const distance = (other.y - box.y) * (arrow === "ArrowDown" ? 1 : -1);
    if (distance > 0 && (!next || distance < next.y)) next = { id: node.id, y: distance };
  }
  return next && `node:${next.id}`;
}
