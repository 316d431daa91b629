// Alerts of the eye: what is slow, lagging or cut.
import type { Thresholds } from "./address";
import type { Counts, Graph, GraphEdge, GraphNode, Lag } from "./api";
import { count, duration, words } from "./format";
import { edgeName } from "./names";

/** 0: as it should be; 1: from a threshold on; 2: from five times the threshold on. */
export type Level = 0 | 1 | 2;
export const SEVERE = 5;

export function level(value: number | null | undefined, threshold: number): Level {
  if (value === null || value === undefined || value < threshold) return 0;
  return value < threshold * SEVERE ? 1 : 2;
}

const worst = (...levels: Level[]): Level => Math.max(0, ...levels) as Level;

export function slowness(edge: GraphEdge, thresholds: Thresholds): Level {
  return level(edge.edge_latency?.p95, thresholds.slow);
}

export function lagging(lag: Lag | null, thresholds: Thresholds): Level {
  return lag ? worst(level(lag.messages, thresholds.lag), level(lag.seconds, thresholds.late)) : 0;
}

export function edgeLevel(edge: GraphEdge, thresholds: Thresholds): Level {
  return worst(slowness(edge, thresholds), lagging(edge.lag, thresholds));
}

/** Something that should be seen. */
export type Alert = {
  kind: "slow" | "lag" | "history" | "cut" | "refused" | "unknown";
  level: Level;
  title: string;
  detail: string;
  /** Where it is. */
  edge?: string;
  node?: string;
};

/** What a counter of `cut` means to the reader. */
const LOST: Record<string, string> = {
  edge_messages: "messages of edges beyond the limit: on no edge and no pathway",
  pathway_messages: "messages of steps beyond the limit: on their edge, but on no pathway",
  idle_hops: "steps forgotten because they were idle: their messages are on no pathway",
  offsets: "offsets of partitions beyond the limit",
  history_messages: "messages that could not be kept: the history could not be written",
};

export function alerts(graph: Graph, thresholds: Thresholds, shown: GraphEdge[]): Alert[] {
  const nodes = new Map(graph.nodes.map((node): [string, GraphNode] => [node.id, node]));
  const found: Alert[] = [];
  for (const edge of shown) {
    const title = edgeName(edge, nodes);
    const slow = slowness(edge, thresholds);
    if (slow) {
      const where = edge.kind === "consume" ? "in the queue" : edge.kind === "produce" ? "in the service" : "";
      const detail = `p95 ${duration(edge.edge_latency?.p95)} ${where}`.trim();
      found.push({ kind: "slow", level: slow, title, detail, edge: edge.id });
    }
    const behind = lagging(edge.lag, thresholds);
    if (behind && edge.lag) found.push({ kind: "lag", level: behind, title, detail: lagText(edge.lag), edge: edge.id });
  }
  found.sort((a, b) => b.level - a.level || a.title.localeCompare(b.title));
  const error = graph.history?.error;
  if (error) found.push({ kind: "history", level: 2, title: "History not written", detail: error });
  found.push(...counted(graph.cut, "cut"));
  const refused = graph.received.refused ?? 0;
  if (refused > 0) {
    const detail = "requests to the statistics endpoint were refused; their senders were told why";
    found.push({ kind: "refused", level: 1, title: `${count(refused)} refused`, detail });
  }
  for (const node of graph.nodes) {
    if (node.kind !== "unknown") continue;
    const detail = "messages come from a step that nobody reported: a tracer is not pointed at this collector";
    found.push({ kind: "unknown", level: 1, title: `Unknown origin in ${node.env || "no environment"}`, detail, node: node.id });
  }
  return found;
}

function counted(counts: Counts, kind: "cut"): Alert[] {
  return Object.entries(counts)
    .filter(([, value]) => value > 0)
    .map(([name, value]) => ({ kind, level: 1 as Level, title: `${count(value)} cut`, detail: LOST[name] ?? words(name) }));
}

/** "1 200 messages, 12 s behind". */
export function lagText(lag: { messages: number | null; seconds?: number | null }): string {
  const parts = [];
  if (lag.messages !== null) parts.push(`${count(lag.messages)} ${lag.messages === 1 ? "message" : "messages"}`);
  if (lag.seconds !== null && lag.seconds !== undefined) parts.push(duration(lag.seconds));
  return parts.length ? `${parts.join(", ")} behind` : "lag unknown";
}
