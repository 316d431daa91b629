// Before the first message, and when the collector is gone; what assistive technology meets; a map of 500 nodes.
import axe from "axe-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Graph, Pathways } from "../../src/api";
import { whole } from "../../src/format";
import { Watched } from "./browser";
import { Collector } from "./collector";

let browser: Watched;
const collectors: Collector[] = [];
const start = async (port?: number) => {
  const collector = await Collector.start(port);
  collectors.push(collector);
  return collector;
};

beforeAll(async () => {
  browser = await Watched.start();
});
afterEach(async () => {
  await browser.clear();
  for (const collector of collectors.splice(0)) await collector.stop();
});
afterAll(async () => {
  await browser?.stop();
});

test("before the first message the page tells how to send it, and shows it when it came", async () => {
  const collector = await start();
  const page = await browser.open(collector.url);
  await page.waitForSelector(".empty");
  const code = page.locator(".empty code");
  await expect.poll(() => code.textContent()).toBe(`export DD_DATA_STREAMS_ENABLED=true\nexport DD_TRACE_AGENT_URL=${collector.url}`);
  for (const [tab, text] of [["Python", "python -m datastreams run"], ["Go", "SetCheckpoint"], ["C", "ds_set_checkpoint"]] as const) {
    await page.getByRole("tab", { name: tab, exact: true }).click();
    await expect.poll(() => code.textContent()).toContain(text);
    await expect.poll(() => code.textContent()).toContain(collector.url);
  }
  await collector.feed("pipeline");
  await page.waitForSelector(".node", { timeout: 20_000 });
});

test("a time in which nothing came is not the time before the first message", async () => {
  const collector = await start();
  await collector.feed("pipeline");
  const page = await browser.open(`${collector.url}/#map?from=1000&to=61000`);
  await expect.poll(() => page.locator("#main").textContent()).toContain("Nothing was measured in this time.");
  expect(await page.locator(".empty").count()).toBe(0);
  await page.getByRole("link", { name: "Pathways" }).click();
  await expect.poll(() => page.locator("#main").textContent()).toContain("No pathway in this time.");
  await page.getByRole("link", { name: "Lag" }).click();
  await expect.poll(() => page.locator("#main").textContent()).toContain("No group reported offsets in this time.");
  await page.getByRole("link", { name: "Map" }).click();
  await page.getByRole("button", { name: "Show all that is kept" }).click();
  await page.waitForSelector(".node");
  expect(page.url()).toContain("last=all");
});

test("when the collector is gone the page says so, keeps what it shows, and goes on when it is back", async () => {
  const first = await start();
  await first.feed("pipeline");
  const page = await browser.open(first.url);
  await page.waitForSelector(".node");
  await expect.poll(() => page.locator(".state").textContent()).toBe("Live");
  await first.stop();
  await page.waitForSelector(".banner.gone");
  await expect.poll(() => page.locator(".banner").textContent()).toContain("The collector does not answer");
  await expect.poll(() => page.locator(".state").textContent()).toBe("Gone");
  await expect.poll(() => page.locator(".node").count()).toBeGreaterThan(5);
  await start(first.port);
  await expect.poll(() => page.locator(".state").textContent(), { timeout: 20_000 }).toBe("Live");
  await expect.poll(() => page.locator(".banner").count()).toBe(0);
});

test("axe finds nothing to complain about, in any view, light or dark", async () => {
  const collector = await start();
  const check = async (hash: string, colorScheme: "light" | "dark", wait: string, act = async (_page: Awaited<ReturnType<typeof browser.open>>) => {}) => {
    const page = await browser.open(`${collector.url}/${hash}`, { colorScheme, reducedMotion: "reduce" });
    await page.waitForSelector(wait);
    await act(page);
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: { run: () => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } }).axe.run());
    expect(violations.map(({ id, nodes }) => `${hash} ${colorScheme} ${id}: ${nodes[0]?.html}`)).toEqual([]);
  };
  await check("", "light", ".empty");
  await collector.feed("pipeline");
  const { edges } = await collector.get<Graph>("/api/graph");
  const lagging = edges.find((edge) => edge.lag?.group === "mailer")!;
  for (const theme of ["light", "dark"] as const) {
    await check(`#map?measure=${edges[0]!.id}..${lagging.id}&select=edge:${lagging.id}`, theme, ".panel canvas", async (page) => {
      await page.locator(".alerts summary").click();
    });
    await check("#pathways", theme, ".wide tbody tr");
    await check("#lag", theme, ".wide tbody tr", async (page) => page.getByLabel("Thresholds").click());
  }
});

test("names are text, whatever is in them, and any number can be drawn", async () => {
  const collector = await start();
  await collector.feed("hostile");
  const { edges } = await collector.get<Graph>("/api/graph");
  const { pathways } = await collector.get<Pathways>("/api/pathways");
  const complaints = browser.complaints.length;
  const looks = ["#map", "#pathways", "#lag", `#pathways?select=pathway:${pathways[0]!.id}`, ...edges.map(({ id }) => `#map?select=edge:${id}`)];
  const page = await browser.open(collector.url);
  for (const look of looks) {
    await page.goto(`${collector.url}/${look}`);
    await page.waitForSelector(look.includes("select") ? ".panel canvas" : ".node, .wide tbody tr");
    await expect.poll(() => page.locator("body").textContent()).toContain('<img src=x onerror="document.title=1">');
    expect(await page.title()).toBe("datastreams");
    expect(await page.locator("img, #page script").count()).toBe(0);
  }
  expect(browser.complaints.slice(complaints)).toEqual([]);
});

test("of very many partitions those furthest behind are listed, and all are counted", async () => {
  const collector = await start();
  await collector.feed("partitions", "1200");
  const page = await browser.open(`${collector.url}/#lag`);
  const row = page.locator(".wide tbody tr");
  await expect.poll(() => row.locator('[data-name="Partitions"]').textContent()).toBe(whole(1200));
  await row.click();
  await expect.poll(() => page.locator(".partitions caption").textContent()).toBe(`Partitions: the ${whole(1000)} furthest behind`);
  await expect.poll(() => page.locator(".panel").textContent()).toContain(`Partitions${whole(1200)}`);
  await expect.poll(() => page.locator(".partitions tbody tr").count()).toBe(1000);
});

test("500 nodes stay smooth", async () => {
  const collector = await start();
  // Not all of them are on an edge.
  await collector.feed("company", "540");
  const page = await browser.open("about:blank");
  await page.addInitScript(() => {
    const kept = globalThis as unknown as { long: number[] };
    kept.long = [];
    new PerformanceObserver((list) => kept.long.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask", buffered: true });
  });
  await page.goto(collector.url);
  await page.waitForSelector(".node");
  await expect.poll(() => page.locator(".node").count(), { timeout: 20_000 }).toBeGreaterThanOrEqual(500);
  const nodes = await page.locator(".node").count();
  const layout = await page.evaluate(() => performance.getEntriesByName("layout")[0]!.duration);
  await page.waitForTimeout(1500);
  const long = () => page.evaluate(() => (globalThis as unknown as { long: number[] }).long.splice(0));
  const first = await long();
  // What the thread worked, whatever else the machine did meanwhile.
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const worked = async () => (await session.send("Performance.getMetrics")).metrics.find(({ name }) => name === "TaskDuration")!.value * 1000;
  const before = await worked();
  let changes = 0;
  page.on("response", (response) => void (response.url().includes("/api/graph") && changes++));
  for (let at = 0; at < 4; at++) {
    await collector.feed("company", "540");
    await page.waitForTimeout(1200);
  }
  const live = await long();
  const words = (tasks: number[]) => `${tasks.length} (longest ${Math.round(Math.max(0, ...tasks))} ms)`;
  const each = ((await worked()) - before) / Math.max(1, changes);
  console.log(`${nodes} nodes: layout ${layout.toFixed(0)} ms; long tasks at the start: ${words(first)}; during ${changes} updates: ${words(live)}, ${each.toFixed(0)} ms of CPU each`);
  expect(changes).toBeGreaterThanOrEqual(3);
  // Time on a shared machine is no assertion; an order of magnitude is.
  expect(layout).toBeLessThan(2000);
  expect(Math.max(0, ...live)).toBeLessThan(500);
});
