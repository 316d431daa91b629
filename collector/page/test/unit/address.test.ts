import { expect, test } from "vitest";
import { type Address, rangeQuery, read, START, write } from "../../src/address";
import { NO_ENV } from "../../src/filter";

const FULL: Address = {
  view: "lag",
  range: { from: 1_786_000_000_000, to: 1_786_000_060_000 },
  env: "prod & more",
  service: "a/b",
  type: "kafka",
  search: "topic:orders 100%",
  selection: { kind: "node", id: "queue:prod/kafka//a%2Fb" },
  start: "5b1f6fb3a43a1f20",
  end: "0c1a1d0a6ac8a3f1",
  measuring: true,
  thresholds: { slow: 0.25, lag: 5, late: 60 },
  sort: "p99",
  descending: false,
  every: true,
};

test("what is written is read again", () => {
  expect(read(write(FULL))).toEqual(FULL);
  expect(read(write(START))).toEqual(START);
  for (const range of [{ last: 60 }, "all"] as const) expect(read(write({ ...START, range })).range).toEqual(range);
  expect(write({ ...START, env: NO_ENV })).toBe("#map?env=");
  expect(read("#map?env=")).toEqual({ ...START, env: NO_ENV });
  expect(read(write({ ...START, measuring: true }))).toMatchObject({ measuring: true, start: "", end: "" });
});

test("an ordinary address is short", () => {
  expect(write(START)).toBe("#map");
  expect(write({ ...START, view: "pathways", env: "prod" })).toBe("#pathways?env=prod");
});

test("a link that is broken shows the start", () => {
  expect(read("")).toEqual(START);
  expect(read("#nonsense?last=-5&select=planet:mars&sort=-colour&slow=fast&from=9&to=3")).toEqual(START);
  expect(read("#map?last=1e400&select=edge:&lag=0&late=-1")).toEqual(START);
  // What the collector would refuse.
  expect(read("#map?last=5000000000")).toEqual(START);
  expect(read("#map?from=1&to=9000000000000000")).toEqual(START);
  expect(read("#map?last=4294967295").range).toEqual({ last: 4_294_967_295 });
});

test("ranges as the collector takes them", () => {
  expect(rangeQuery("all")).toEqual({});
  expect(rangeQuery({ last: 900 })).toEqual({ last: "900" });
  expect(rangeQuery({ from: 1, to: 2 })).toEqual({ from: "1", to: "2" });
});
