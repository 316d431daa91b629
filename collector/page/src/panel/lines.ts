// The lines of the charts, from the collector's points.
import type { LagPoint, Measured, Quantiles, Series, SeriesPoint } from "../api";
import type { Line } from "./Chart";

export type Side = "all" | "in" | "out";
const NOTHING: Measured = { messages: 0, rate: 0, edge_latency: null, pathway_latency: null, payload_size: null };

export function measured(point: SeriesPoint, side: Side): Measured {
  if ("in" in point) return side === "out" ? point.out : side === "in" ? point.in : NOTHING;
  return point;
}

/** Points stand for the time from `at_ms` on; they are drawn in its middle. */
export function times(series: { step_ms: number; points: { at_ms: number }[] }): number[] {
  return series.points.map(({ at_ms }) => (at_ms + series.step_ms / 2) / 1000);
}

export function throughput(series: Series, side: Side, name: string, colour: string): Line {
  return { name, colour, fill: true, values: series.points.map((point) => measured(point, side).rate) };
}

export type Measure = "edge_latency" | "pathway_latency" | "payload_size";

export function quantiles(series: Series, side: Side, measure: Measure): Line[] {
  const line = (name: "p50" | "p95" | "p99", colour: string): Line => ({
    name,
    colour,
    values: series.points.map((point) => (measured(point, side)[measure] as Quantiles)?.[name] ?? null),
  });
  return [line("p50", "--chart-1"), line("p95", "--chart-2"), line("p99", "--chart-3")];
}

export function any(lines: Line[]): boolean {
  return lines.some(({ values }) => values.some((value) => value !== null));
}

export function lag(points: LagPoint[], what: "messages" | "seconds"): Line[] {
  return [{ name: what === "messages" ? "messages" : "behind", colour: "--chart-2", fill: true, values: points.map((point) => point[what]) }];
}
