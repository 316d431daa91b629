import { expect, test } from "vitest";
import { fitting, LEAST, MOST, zoomed } from "../../src/map/camera";
import { fit, width } from "../../src/measure";

test("the whole drawing is in the middle, and small ones are not blown up", () => {
  const frame = fitting({ width: 2000, height: 500 }, { width: 1024, height: 600 });
  expect(frame.k).toBeCloseTo(0.5);
  expect(frame.y + 250 * frame.k).toBeCloseTo(300);
  expect(fitting({ width: 100, height: 100 }, { width: 1000, height: 1000 }).k).toBeLessThan(1.2);
  expect(fitting({ width: 1e6, height: 1e6 }, { width: 1000, height: 1000 }).k).toBe(LEAST);
});

test("zooming keeps the point under the cursor, within bounds", () => {
  const before = { x: 30, y: -10, k: 0.8 };
  const after = zoomed(before, 1.5, 200, 120);
  expect((200 - after.x) / after.k).toBeCloseTo((200 - before.x) / before.k);
  expect((120 - after.y) / after.k).toBeCloseTo((120 - before.y) / before.k);
  expect(zoomed(before, 100, 0, 0).k).toBe(MOST);
});

test("names that are too long lose their middle", () => {
  expect(fit("orders", 200, 13, 600)).toBe("orders");
  const short = fit("a-very-long-name-of-a-service-v2", 120, 13, 600);
  expect(short).toMatch(/^a-very.*….*-v2$/);
  expect(short.length).toBeLessThan(20);
  // As much is kept as there is room for.
  const long = "0123456789".repeat(2000);
  const kept = fit(long, 300, 13, 600);
  expect(kept).toMatch(/^0123.*….*789$/);
  expect(width(kept, 13, 600)).toBeLessThanOrEqual(300);
  expect(width(`${kept}x`, 13, 600)).toBeGreaterThan(300);
  expect(fit(long, 20, 13, 600)).toBe("…");
});
