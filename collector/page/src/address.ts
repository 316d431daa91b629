// What the address holds: everything that makes a view, so that a link shows another the same.
import { NO_ENV } from "./filter";

export type View = "map" | "pathways" | "lag";
export const VIEWS: View[] = ["map", "pathways", "lag"];

/** The last seconds, or a part of the past (ms, half open); neither: everything that is kept. */
export type Range = { last: number } | { from: number; to: number } | "all";

/** From when on something stands out. From five times as much on it stands out in red. */
export type Thresholds = {
  /** Seconds: the p95 of an edge's latency. */
  slow: number;
  /** Messages behind. */
  lag: number;
  /** Seconds behind. */
  late: number;
};
export const THRESHOLDS: Thresholds = { slow: 1, lag: 1000, late: 30 };

/** What is selected: `node:ID`, `edge:ID`, `pathway:ID` or `group:ID`. */
export type Selection = { kind: "node" | "edge" | "pathway" | "group"; id: string };
const KINDS = ["node", "edge", "pathway", "group"];

export type Column = "name" | "messages" | "rate" | "p50" | "p95" | "p99" | "max";
export const COLUMNS: Column[] = ["name", "messages", "rate", "p50", "p95", "p99", "max"];

export type Address = {
  view: View;
  range: Range;
  env: string;
  service: string;
  type: string;
  search: string;
  selection: Selection | null;
  /** Edges to measure between. */
  start: string;
  end: string;
  measuring: boolean;
  thresholds: Thresholds;
  sort: Column;
  descending: boolean;
  /** Pathways that others go on from are listed too. */
  every: boolean;
};

export const START: Address = {
  view: "map",
  range: { last: 900 },
  env: "",
  service: "",
  type: "",
  search: "",
  selection: null,
  start: "",
  end: "",
  measuring: false,
  thresholds: THRESHOLDS,
  sort: "p95",
  descending: true,
  every: false,
};

/** The fragment for a view, `#map?...`; what is as at the start is left out. */
export function write(address: Address): string {
  const query = new URLSearchParams();
  const put = (name: string, value: string, start = "") => {
    if (value !== start) query.set(name, value);
  };
  const { range, thresholds, selection } = address;
  if (range === "all") query.set("last", "all");
  else if ("last" in range) put("last", String(range.last), "900");
  else {
    query.set("from", String(range.from));
    query.set("to", String(range.to));
  }
  if (address.env) query.set("env", address.env === NO_ENV ? "" : address.env);
  put("service", address.service);
  put("type", address.type);
  put("q", address.search);
  put("select", selection ? `${selection.kind}:${selection.id}` : "");
  if (address.measuring || address.start || address.end) {
    query.set("measure", `${address.start}..${address.end}`);
  }
  put("slow", String(thresholds.slow), String(THRESHOLDS.slow));
  put("lag", String(thresholds.lag), String(THRESHOLDS.lag));
  put("late", String(thresholds.late), String(THRESHOLDS.late));
  put("sort", `${address.descending ? "-" : ""}${address.sort}`, "-p95");
  put("every", address.every ? "1" : "");
  const text = query.toString();
  return text ? `#${address.view}?${text}` : `#${address.view}`;
}

/** Reads a fragment. What cannot be meant is as at the start: a link must never lead to an error. */
export function read(hash: string): Address {
  const [name = "", text = ""] = splitOnce(hash.replace(/^#/, ""), "?");
  const query = new URLSearchParams(text);
  const view = VIEWS.find((view) => view === name) ?? START.view;
  const [start = "", end = ""] = (query.get("measure") ?? "").split("..");
  const sort = query.get("sort") ?? "-p95";
  const column = COLUMNS.find((column) => column === sort.replace(/^-/, ""));
  return {
    view,
    range: readRange(query),
    env: query.get("env") === "" ? NO_ENV : (query.get("env") ?? ""),
    service: query.get("service") ?? "",
    type: query.get("type") ?? "",
    search: query.get("q") ?? "",
    selection: readSelection(query.get("select") ?? ""),
    start,
    end,
    measuring: query.has("measure"),
    thresholds: {
      slow: positive(query.get("slow"), THRESHOLDS.slow),
      lag: positive(query.get("lag"), THRESHOLDS.lag),
      late: positive(query.get("late"), THRESHOLDS.late),
    },
    sort: column ?? START.sort,
    descending: column ? sort.startsWith("-") : START.descending,
    every: query.get("every") === "1",
  };
}

/** A range as parameters of the collector's. */
export function rangeQuery(range: Range): Record<string, string> {
  if (range === "all") return {};
  if ("last" in range) return { last: String(range.last) };
  return { from: String(range.from), to: String(range.to) };
}

/** The last second and millisecond that the collector takes. */
const LONGEST = 2 ** 32 - 1;
const LAST_MS = 8.64e15;

function readRange(query: URLSearchParams): Range {
  if (query.get("last") === "all") return "all";
  const [from, to] = [Number(query.get("from")), Number(query.get("to"))];
  if (Number.isSafeInteger(from) && Number.isSafeInteger(to) && from > 0 && to > from && to <= LAST_MS) return { from, to };
  const last = Number(query.get("last"));
  return Number.isSafeInteger(last) && last > 0 && last <= LONGEST ? { last } : START.range;
}

function readSelection(text: string): Selection | null {
  const [kind = "", id = ""] = splitOnce(text, ":");
  return KINDS.includes(kind) && id ? { kind: kind as Selection["kind"], id } : null;
}

function positive(text: string | null, otherwise: number): number {
  const value = Number(text);
  return text !== null && Number.isFinite(value) && value > 0 ? value : otherwise;
}

function splitOnce(text: string, at: string): [string, string] {
  const place = text.indexOf(at);
  return place < 0 ? [text, ""] : [text.slice(0, place), text.slice(place + at.length)];
}
