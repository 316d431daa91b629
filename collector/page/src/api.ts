// What the collector answers. Times in ms since the epoch, latencies in seconds, sizes in bytes, rates in messages/s.

/** Quantiles of what was measured; null when nothing was. */
export type Quantiles = { count: number; p50: number; p95: number; p99: number; max: number } | null;

export type ServiceNode = { kind: "service"; id: string; env: string; service: string; langs: string[] };
export type QueueNode = {
  kind: "queue";
  id: string;
  env: string;
  type: string;
  cluster: string;
  name: string;
  service: string | null;
};
/** A parent that nobody reported. */
export type UnknownNode = { kind: "unknown"; id: string; env: string };
export type GraphNode = ServiceNode | QueueNode | UnknownNode;

export type Lag = { messages: number | null; seconds?: number | null; partitions: number; group: string };

export type GraphEdge = {
  id: string;
  kind: "produce" | "consume" | "step" | "route";
  from: string;
  to: string;
  env: string;
  service: string;
  tags: string[];
  messages: number;
  rate: number;
  edge_latency: Quantiles;
  pathway_latency: Quantiles;
  payload_size: Quantiles;
  lag: Lag | null;
};

export type Counts = Record<string, number>;

export type Graph = {
  now_ms: number;
  started_ms: number;
  from_ms?: number;
  to_ms?: number;
  nodes: GraphNode[];
  edges: GraphEdge[];
  received: Counts;
  cut: Counts;
  /** `from_ms`: since when something is kept; `error`: why the last write failed. */
  history?: { from_ms: number | null; error: string | null };
  version?: string;
  changes?: number;
};

export type Step = {
  edge: string;
  env: string;
  service: string;
  direction: "in" | "out" | "none";
  tags: string[];
  messages?: number;
  edge_latency?: Quantiles;
};

export type Pathway = {
  id: string;
  origin: "known" | "unknown" | "loop";
  steps: Step[];
  continues: boolean;
  messages: number;
  rate: number;
  latency: Quantiles;
};
export type Pathways = { now_ms: number; pathways: Pathway[]; cut: Counts };

export type Measured = {
  messages: number;
  rate: number;
  edge_latency: Quantiles;
  pathway_latency: Quantiles;
  payload_size: Quantiles;
};
/** Of an edge or a pathway; of a node: what went in and what went out. */
export type SeriesPoint = { at_ms: number } & (Measured | { in: Measured; out: Measured });
export type Series = { from_ms: number; to_ms: number; step_ms: number; points: SeriesPoint[] };

export type PartitionLag = {
  partition: string;
  committed: number;
  end: number | null;
  messages: number | null;
  seconds: number | null;
};
export type GroupLag = {
  id: string;
  env: string;
  type: string;
  cluster: string;
  topic: string;
  group: string;
  messages: number | null;
  seconds: number | null;
  /** How many partitions there are; those furthest behind are listed. */
  partition_count: number;
  partitions: PartitionLag[];
};
export type Lags = { now_ms: number; groups: GroupLag[] };
export type LagPoint = { at_ms: number; messages: number | null; seconds: number | null };
export type LagSeries = { from_ms: number; to_ms: number; step_ms: number; points: LagPoint[] };

export type Between = {
  source: string;
  target: string;
  pathways: number;
  messages: number;
  mean: number | null;
  latency: Quantiles;
  exact: boolean;
};

/** An answer that is not the one wanted: the collector's own sentence. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    sentence: string,
  ) {
    super(sentence);
  }
}

/** Nobody answered. */
export class Gone extends Error {}

/** Fetches one of the collector's answers. Throws `Refused`, `Gone`, or what aborting throws. */
export async function get<T>(path: string, parameters: Record<string, string>, signal?: AbortSignal): Promise<T> {
  const query = new URLSearchParams(parameters).toString();
  let response: Response;
  try {
    response = await fetch(query ? `${path}?${query}` : path, { signal: signal ?? null, cache: "no-store" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Gone("the collector does not answer");
  }
  if (!response.ok) throw new Refused(response.status, (await response.text()).trim());
  return (await response.json()) as T;
}
