// The picture for the README: `node screenshot.mjs DATASTREAMS EXAMPLES PICTURE [SECONDS]`. The demonstration's pipeline as
// the page shows it after some time (60 s), in a window of 1180 x 620 with two pixels for each.
import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const LIMIT = 300 * 1024;
const [, , binary, examples, picture, seconds = "60"] = process.argv;
const demo = spawn(binary, ["demo", "--examples", examples, "--seconds", String(Number(seconds) + 90)], { stdio: ["ignore", "pipe", "inherit"] });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
try {
  const url = await new Promise((resolve, reject) => {
    demo.once("exit", (code) => reject(new Error(`the demonstration ended with ${code}`)));
    createInterface({ input: demo.stdout }).on("line", (line) => {
      const found = /(http:\/\/[\d.]+:\d+)/.exec(line);
      if (found) resolve(found[1]);
    });
  });
  const page = await browser.newPage({ viewport: { width: 1180, height: 620 }, deviceScaleFactor: 2, reducedMotion: "reduce" });
  await page.goto(`${url}/#map`);
  // The slow consumer, whose lag grows and recovers.
  const slow = page.locator('.edge[aria-label^="payments → archive"]');
  await slow.waitFor({ timeout: 60_000, state: "attached" });
  await page.waitForTimeout(Number(seconds) * 1000);
  const id = await slow.getAttribute("data-edge");
  await page.goto(`${url}/#map?last=all&select=edge:${id}`);
  await page.reload();
  await page.waitForSelector(".panel canvas");
  await page.click('[aria-label="Show everything"]');
  await page.waitForTimeout(1500);
  await page.screenshot({ path: picture });
  const { size } = statSync(picture);
  console.log(`${picture}: ${Math.round(size / 1024)} KiB`);
  if (size > LIMIT) throw new Error(`${picture} is larger than ${LIMIT} bytes`);
} finally {
  await browser.close();
  demo.removeAllListeners("exit");
  demo.kill("SIGTERM");
}
