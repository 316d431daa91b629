import { expect, test } from "vitest";
import { bytes, clock, count, duration, rate, whole, words } from "../../src/format";

test("durations have three digits and their unit", () => {
  const said: [number | null, string][] = [
    [null, "–"],
    [0, "0 ms"],
    [0.000_000_5, "0.50 µs"],
    [0.000_25, "250 µs"],
    [0.000_999_6, "1.00 ms"],
    [0.006_75, "6.75 ms"],
    [0.0601, "60.1 ms"],
    [0.15, "150 ms"],
    [0.9996, "1.00 s"],
    [1.4, "1.40 s"],
    [59.94, "59.9 s"],
    [59.96, "1 min"],
    [61, "1 min 1 s"],
    [3600, "1 h"],
    [7505, "2 h 5 min"],
    [90_000, "1 d 1 h"],
  ];
  for (const [seconds, text] of said) expect(duration(seconds)).toBe(text);
  expect(duration(undefined)).toBe("–");
  expect(duration(NaN)).toBe("–");
});

test("rates, counts and sizes", () => {
  expect([0, 0.001, 0.05, 9.883, 98.83, 998.8, 12_345].map(rate)).toEqual(["0/s", "<0.01/s", "0.05/s", "9.88/s", "98.8/s", "999/s", "12.3k/s"]);
  expect([0, 999, 9999, 12_345, 1_234_567, 2e9, 3e12].map(count)).toEqual(["0", "999", "9999", "12.3k", "1.23M", "2.00G", "3.00T"]);
  expect([0, 999, 1000, 1_234_567].map(whole)).toEqual(["0", "999", "1\u202f000", "1\u202f234\u202f567"]);
  expect([0, 512, 77.5, 1024, 1_572_864].map(bytes)).toEqual(["0 B", "512 B", "77.5 B", "1.00 KiB", "1.50 MiB"]);
  expect([rate, count, whole, bytes].slice(1).map((say) => say(null as never))).toEqual(["–", "–", "–"]);
});

test("clocks name another day, counters are words", () => {
  const noon = new Date(2026, 4, 3, 12, 0, 5).getTime();
  expect(clock(noon, noon + 1000)).toBe("12:00:05");
  expect(clock(noon, noon + 86_400_000)).not.toBe("12:00:05");
  expect(words("edge_messages")).toBe("edge messages");
});
