// The page over a real collector, in a real browser.
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Between, Graph, GraphEdge, GraphNode, Lags, Pathways } from "../../src/api";
import { count, duration } from "../../src/format";
import { Watched } from "./browser";
import { Collector } from "./collector";

/** Seconds: what test/feed.py puts in. */
const DELAYS: Record<string, number> = {
  "orders → payments": 0.02,
  "payments → payments": 0.06,
  "payments → ledger": 0.15,
  "payments → mailer": 1.4,
  "retries → payments": 0.3,
  "events → audit": 0.04,
  "jobs → stage": 0.005,
};
/** The collector's quantiles are within 0.8 %; times are in ms. */
const near = (measured: number | undefined, put: number) => expect(Math.abs((measured ?? Infinity) - put)).toBeLessThanOrEqual(put * 0.02 + 0.001);

let collector: Collector;
let browser: Watched;

beforeAll(async () => {
  [collector, browser] = await Promise.all([Collector.start(), Watched.start()]);
  await collector.feed("pipeline");
});
afterEach(async () => {
  await browser.clear();
});
afterAll(async () => {
  await browser?.stop();
  await collector?.stop();
});

const open = async (hash = "", options = {}) => {
  const page = await browser.open(`${collector.url}/${hash}`, options);
  await page.waitForSelector(".node, .wide tbody tr, .empty");
  return page;
};
const name = (node: GraphNode | undefined) => (node?.kind === "queue" ? node.name : node?.kind === "service" ? node.service : "unknown");
const graph = () => collector.get<Graph>("/api/graph?last=900");
/** An edge by its ends, "orders → payments"; the queue's edge where a service and a queue have one name. */
async function edge(ends: string, kind: GraphEdge["kind"] = "consume"): Promise<GraphEdge> {
  const { nodes, edges } = await graph();
  const named = (id: string) => name(nodes.find((node) => node.id === id));
  const found = edges.find((edge) => edge.kind === kind && `${named(edge.from)} → ${named(edge.to)}` === ends);
  if (!found) throw new Error(`there is no edge ${ends}`);
  return found;
}
const label = (page: Page, edge: GraphEdge) => page.locator(`.label[data-edge="${edge.id}"]`);
const line = (page: Page, edge: GraphEdge) => page.locator(`.edge[data-edge="${edge.id}"]`);

test("what the map says is what the collector says, which is what was put in", async () => {
  const page = await open("#map");
  const { nodes, edges } = await graph();
  await expect.poll(() => page.locator(".node").count()).toBe(nodes.length);
  await expect.poll(() => page.locator(".edge").count()).toBe(edges.length);
  for (const edge of edges) {
    if (edge.edge_latency) await expect.poll(() => label(page, edge).locator(".main").textContent()).toBe(duration(edge.edge_latency.p95));
  }
  for (const [ends, put] of Object.entries(DELAYS)) {
    const found = await edge(ends, ends === "payments → payments" ? "produce" : "consume");
    near(found.edge_latency?.p50, put);
    near(found.edge_latency?.p95, put);
  }
  const mailer = await edge("payments → mailer");
  near(mailer.pathway_latency?.p95, 0.02 + 0.06 + 1.4);
  expect(mailer.payload_size?.p50).toBeCloseTo(1024, -1.2);
  await expect.poll(() => page.locator(".node.unknown").getAttribute("aria-label")).toContain("unknown origin");
});

test("what is slow or lagging stands out, from thresholds that the address keeps", async () => {
  const page = await open("#map");
  const mailer = await edge("payments → mailer");
  expect(mailer.lag).toMatchObject({ messages: 2000, partitions: 3, group: "mailer" });
  await expect.poll(() => line(page, mailer).getAttribute("class")).toContain("level-1");
  await expect.poll(() => label(page, mailer).locator(".lag").textContent()).toContain(`${count(2000)} behind`);
  await expect.poll(async () => line(page, await edge("payments → ledger")).getAttribute("class")).toContain("level-0");
  await expect.poll(() => page.locator(".alerts summary").textContent()).toContain("1 slow · 1 lagging");
  await page.getByLabel("Thresholds").click();
  await page.locator("input[name=slow]").fill("0.1");
  await page.locator("input[name=slow]").blur();
  await expect.poll(async () => line(page, await edge("payments → ledger")).getAttribute("class")).toContain("level-1");
  await expect.poll(() => line(page, mailer).getAttribute("class")).toContain("level-2");
  await expect.poll(() => page.url()).toContain("slow=0.1");
  // An alert leads to where it is.
  await page.keyboard.press("Escape");
  await page.locator(".alerts summary").click();
  await page.locator(".alerts li.lag button").first().click();
  await page.waitForSelector(".panel");
  await expect.poll(() => page.locator(".panel h2").textContent()).toBe("payments → mailer");
});

test("the search puts the rest into the background, filters leave it out", async () => {
  const page = await open("#map");
  await page.keyboard.press("/");
  await page.keyboard.type("mailer");
  const lit = page.locator(".node:not(.dim)");
  await expect.poll(() => lit.count()).toBe(1);
  await expect.poll(() => lit.getAttribute("aria-label")).toContain("mailer");
  await expect.poll(() => page.locator("[role=status]").textContent()).toBe("1 node found");
  await page.keyboard.press("Escape");
  await expect.poll(() => page.locator(".node.dim").count()).toBe(0);
  await page.getByLabel("Environment").selectOption("staging");
  await expect.poll(() => page.locator(".node").count()).toBe(2);
  await page.getByRole("button", { name: "Clear" }).click();
  await page.getByLabel("Type").selectOption("rabbitmq");
  await expect.poll(() => page.locator(".node .name").allTextContents()).toEqual(["jobs", "stage"]);
  await page.getByRole("button", { name: "Clear" }).click();
  await page.locator("#filter-service").selectOption("ledger");
  // The queue it takes from, and who is on its other side.
  await expect.poll(async () => (await page.locator(".node .name").allTextContents()).sort()).toEqual(["ledger", "mailer", "payments", "payments"]);
  await expect.poll(() => page.url()).toContain("service=ledger");
});

test("an edge opens with its numbers and charts", async () => {
  const page = await open("#map");
  const mailer = await edge("payments → mailer");
  await label(page, mailer).click();
  const panel = page.locator(".panel");
  await panel.waitFor();
  await expect.poll(() => panel.locator("h2").textContent()).toBe("payments → mailer");
  const rows = await panel.locator(".quantiles tbody tr").allTextContents();
  const [q, o] = [mailer.edge_latency!, mailer.pathway_latency!];
  expect(rows[0]).toBe(`In the queue${[q.p50, q.p95, q.p99, q.max].map(duration).join("")}`);
  expect(rows[1]).toBe(`Since the origin${[o.p50, o.p95, o.p99, o.max].map(duration).join("")}`);
  await expect.poll(() => panel.locator(".chart h3").allTextContents()).toEqual([
    "In the queue",
    "Throughput",
    "Since the origin",
    "Payload size",
    "Lag in messages",
    "Lag in time",
  ]);
  await expect.poll(() => panel.locator(".chart canvas").count()).toBe(6);
  await expect.poll(() => panel.locator(".plot").nth(0).getAttribute("aria-label")).toMatch(/^In the queue, last: p50 1\.\d+ s, p95 1\.\d+ s/);
  await expect.poll(() => panel.locator(".plot").nth(4).getAttribute("aria-label")).toBe("Lag in messages, last: messages 2000");
  // Dragging over a chart looks at that part of the past.
  const plot = (await panel.locator(".chart .u-over").first().boundingBox())!;
  await page.mouse.move(plot.x + plot.width * 0.7, plot.y + 40);
  await page.mouse.down();
  await page.mouse.move(plot.x + plot.width * 0.9, plot.y + 40, { steps: 5 });
  await page.mouse.up();
  await expect.poll(() => page.url()).toMatch(/from=\d+&to=\d+/);
  await expect.poll(() => page.locator(".state").textContent()).toBe("Past");
  // A click beside everything closes.
  await page.locator(".canvas").click({ position: { x: 300, y: 700 } });
  await expect.poll(() => panel.count()).toBe(0);
});

test("a node opens with what is at it", async () => {
  const page = await open("#map");
  await page.locator('.node[aria-label^="payments kafka"]').click();
  const panel = page.locator(".panel");
  await panel.waitFor();
  await expect.poll(() => panel.locator("h2").textContent()).toBe("payments");
  expect((await panel.locator(".neighbours .who").allTextContents()).sort()).toEqual(["ledger", "mailer", "payments"]);
  await expect.poll(() => panel.locator(".chart h3").allTextContents()).toContain("In this queue");
  await panel.getByRole("button", { name: /mailer/ }).click();
  await expect.poll(() => panel.locator("h2").textContent()).toBe("payments → mailer");
  await page.goBack();
  await expect.poll(() => panel.locator("h2").textContent()).toBe("payments");
});

test("pathways sort by each latency, and open with where the time goes", async () => {
  const page = await open("#pathways");
  const { pathways } = await collector.get<Pathways>("/api/pathways?last=900");
  const rows = page.locator(".wide tbody tr");
  await expect.poll(() => rows.count()).toBe(pathways.length);
  for (const key of ["p50", "p95", "p99", "max"] as const) {
    const descending = pathways.map(({ latency }) => latency?.[key] ?? -1).sort((a, b) => b - a);
    const shown = () => page.locator(`td[data-name=${key}]`).allTextContents();
    await page.getByRole("button", { name: key, exact: true }).click();
    await expect.poll(shown).toEqual(descending.map((value) => duration(value < 0 ? null : value)));
    await expect.poll(() => page.locator("th[aria-sort=descending]").textContent()).toBe(key);
    await page.getByRole("button", { name: key, exact: true }).click();
    await expect.poll(shown).toEqual(descending.reverse().map((value) => duration(value < 0 ? null : value)));
  }
  await page.getByRole("button", { name: /orders.*payments.*mailer/ }).click();
  const panel = page.locator(".panel");
  await expect.poll(() => panel.locator(".shares li").count()).toBe(4);
  const shares = await panel.locator(".shares li").allTextContents();
  expect(shares.at(-1)).toMatch(/kafka payments → mailer1\.(39|40|41) s/);
  await expect.poll(() => panel.locator(".chart h3").allTextContents()).toContain("End to end");
  await expect.poll(() => page.locator("tbody small.warn").textContent()).toContain("nobody reported");
});

test("lag: groups, partitions, messages", async () => {
  const page = await open("#lag");
  const { groups } = await collector.get<Lags>("/api/lag?last=900");
  const rows = page.locator(".wide tbody tr");
  await expect.poll(() => rows.count()).toBe(groups.length);
  expect(groups.find(({ group }) => group === "mailer")?.messages).toBe(2000);
  const first = await rows.first().textContent();
  expect(first).toContain("mailer");
  expect(first).toContain("behind");
  expect(first).toContain("2000");
  await page.getByRole("button", { name: "mailer" }).click();
  const cells = page.locator(".partitions tbody tr");
  await expect.poll(() => cells.count()).toBe(3);
  expect((await cells.allTextContents())[0]).toContain("1200");
  await expect.poll(() => page.locator(".panel .chart canvas").count()).toBe(2);
});

test("measures between two points", async () => {
  const page = await open("#map");
  const [start, end] = [await edge("orders → orders", "produce"), await edge("payments → ledger")];
  await label(page, start).click();
  await page.getByRole("button", { name: "Measure from here" }).click();
  await label(page, end).click();
  await page.getByRole("button", { name: "Measure to here" }).click();
  const result = page.locator(".measure .result dl");
  await result.waitFor();
  const between = await collector.get<Between>(`/api/between?last=900&source=${start.id}&target=${end.id}`);
  const text = await result.textContent();
  expect(text).toContain(`p95${duration(between.latency?.p95)}`);
  expect(text).toContain(`mean${duration(between.mean)}`);
  near(between.latency?.p50, 0.23);
  await expect.poll(() => page.locator(".flag").count()).toBe(2);
  // The other way nothing goes.
  await page.getByRole("button", { name: "Exchange the two" }).click();
  await expect.poll(() => page.locator(".measure .result .warn").textContent()).toContain("no pathway");
});

test("a link shows another the same view", async () => {
  const mailer = await edge("payments → mailer");
  const page = await open("#map");
  await page.getByLabel("Environment").selectOption("prod");
  await page.getByLabel("Time range").selectOption("3600");
  await page.getByLabel("Search", { exact: true }).fill("payments");
  await label(page, mailer).click({ force: true });
  await page.waitForSelector(".panel canvas");
  const state = async (page: Page) => ({
    nodes: await page.locator(".node").evaluateAll((nodes) => nodes.map((node) => [node.getAttribute("data-node"), node.getAttribute("transform"), node.classList.contains("dim")])),
    title: await page.locator(".panel h2").textContent(),
    table: await page.locator(".panel .quantiles").textContent(),
    range: await page.getByLabel("Time range").inputValue(),
    env: await page.getByLabel("Environment").inputValue(),
    search: await page.locator("#search").inputValue(),
  });
  const before = await state(page);
  const other = await browser.open(page.url());
  await other.waitForSelector(".panel canvas");
  expect(await state(other)).toEqual(before);
  expect(before).toMatchObject({ range: "3600", env: "prod", search: "payments", title: "payments → mailer" });
});

test("the keyboard alone reaches and opens everything", async () => {
  const page = await open("#map");
  const focused = () => page.evaluate(() => document.activeElement?.id || (document.activeElement?.getAttribute("aria-label") ?? ""));
  let tabs = 0;
  while (!(await focused()).startsWith("orders go, service") && tabs++ < 60) await page.keyboard.press("Tab");
  await expect.poll(focused).toMatch(/^orders go, service/);
  await page.keyboard.press("Tab");
  await expect.poll(focused).toMatch(/^orders → orders, produces/);
  await page.keyboard.press("ArrowRight");
  await expect.poll(focused).toMatch(/^orders kafka, queue/);
  await page.keyboard.press("ArrowRight");
  await expect.poll(focused).toMatch(/^orders → payments, consumes/);
  await page.keyboard.press("ArrowLeft");
  await expect.poll(focused).toMatch(/^orders kafka, queue/);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".panel");
  await expect.poll(focused).toBe("Details");
  await page.keyboard.press("Escape");
  await expect.poll(() => page.locator(".panel").count()).toBe(0);
  // Back to where it was.
  await expect.poll(focused).toMatch(/^orders → payments, consumes/);
  await page.keyboard.press("/");
  await expect.poll(focused).toBe("search");
  const scene = page.locator(".canvas > g");
  await page.locator(".node").first().focus();
  const before = await scene.getAttribute("transform");
  await page.keyboard.press("+");
  await expect.poll(() => scene.getAttribute("transform")).not.toBe(before);
});

test("mouse and wheel zoom and pan, and nothing is opened by a drag", async () => {
  const page = await open("#map");
  const scene = page.locator(".canvas > g");
  await expect.poll(() => scene.getAttribute("transform")).toContain("scale");
  const scale = async () => Number(/scale\(([\d.]+)/.exec((await scene.getAttribute("transform"))!)![1]);
  const start = await scale();
  const before = await scene.getAttribute("transform");
  const box = (await page.locator(".node").first().boundingBox())!;
  await page.mouse.move(box.x + 20, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + 120, box.y + 90, { steps: 6 });
  await page.mouse.up();
  await expect.poll(() => scene.getAttribute("transform")).not.toBe(before);
  await expect.poll(() => page.locator(".panel").count()).toBe(0);
  await page.mouse.move(700, 500);
  await page.mouse.wheel(0, -300);
  await expect.poll(scale).toBeGreaterThan(start * 1.3);
  await page.getByRole("button", { name: "Show everything" }).click();
  await expect.poll(scale).toBeCloseTo(start, 2);
});

test("new messages change the numbers, and nothing moves", async () => {
  const page = await open("#map?last=300");
  const mailer = await edge("payments → mailer");
  const places = () => page.locator(".node").evaluateAll((nodes) => nodes.map((node) => [node.getAttribute("data-node"), node.getAttribute("transform")]));
  const before = await places();
  await page.evaluate(() => {
    document.querySelectorAll(".node").forEach((node, at) => ((node as unknown as { kept: number }).kept = at));
  });
  await collector.feed("more", "2600");
  await expect.poll(() => label(page, mailer).locator(".main").textContent(), { timeout: 20_000 }).toMatch(/^2\.[56]\d s$/);
  expect(await places()).toEqual(before);
  // The same elements, not new ones.
  expect(await page.locator(".node").evaluateAll((nodes) => nodes.every((node) => "kept" in node))).toBe(true);
  expect(await page.evaluate(() => performance.getEntriesByName("layout").length)).toBe(1);
});

test("light and dark", async () => {
  const ground = (page: Page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const page = await open("#map", { colorScheme: "dark" });
  await expect.poll(() => ground(page)).toBe("rgb(12, 14, 20)");
  await page.getByRole("button", { name: "Use light colours" }).click();
  await expect.poll(() => ground(page)).toBe("rgb(245, 246, 249)");
  await page.reload();
  await page.waitForSelector(".node");
  await expect.poll(() => ground(page)).toBe("rgb(245, 246, 249)");
  expect(await ground(await open("#map", { colorScheme: "light" }))).toBe("rgb(245, 246, 249)");
});

test("on a phone everything is there", async () => {
  const page = await open("#map", { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 });
  const wide = () => page.evaluate(() => document.documentElement.scrollWidth);
  await expect.poll(wide).toBe(390);
  // The map runs down.
  const y = async (text: string) => (await page.locator(`.node[aria-label^="${text}"]`).boundingBox())!.y;
  expect(await y("orders go")).toBeLessThan(await y("orders kafka"));
  await page.locator('.node[aria-label^="payments kafka"]').tap();
  const panel = page.locator(".panel");
  await panel.waitFor();
  await expect.poll(() => panel.locator("canvas").count()).toBeGreaterThan(0);
  expect((await panel.boundingBox())!.width).toBe(390);
  await page.getByRole("button", { name: /Close/ }).tap();
  await page.getByRole("link", { name: "Pathways" }).tap();
  await page.waitForSelector(".wide tbody tr");
  await expect.poll(wide).toBe(390);
  await page.getByRole("link", { name: "Lag" }).tap();
  await expect.poll(() => page.locator(".wide tbody tr").count()).toBeGreaterThan(0);
  await expect.poll(wide).toBe(390);
});

test("no request left the machine, nothing was refused by the page's policy, and nothing failed", () => {
  expect(browser.requests.length).toBeGreaterThan(50);
  expect(browser.requests.filter((url) => !url.startsWith(`${collector.url}/`))).toEqual([]);
  // What a test asked for in vain, as between two edges that no pathway joins.
  expect(browser.complaints.filter((text) => !text.includes("404"))).toEqual([]);
});
