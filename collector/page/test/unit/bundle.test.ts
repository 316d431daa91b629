import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";

const LIMIT = 100 * 1024;

test("the built page is at most 100 KiB packed, and names no other host", () => {
  const built = new URL("../../dist/www/", import.meta.url);
  const files = readdirSync(built, { recursive: true, encoding: "utf8" }).filter((name) => name.includes("."));
  expect(files).toContain("index.html");
  const sizes = files.map((name) => gzipSync(readFileSync(new URL(name, built)), { level: 9 }).length);
  const sum = sizes.reduce((sum, size) => sum + size, 0);
  console.log(`the page: ${files.length} files, ${(sum / 1024).toFixed(1)} KiB packed`);
  expect(sum).toBeLessThanOrEqual(LIMIT);
  for (const name of files) {
    const hosts = [...readFileSync(new URL(name, built), "utf8").matchAll(/https?:\/\/([\w.-]+)/g)].map(([, host]) => host);
    // Names of XML namespaces are no addresses.
    expect(hosts.filter((host) => host !== "www.w3.org")).toEqual([]);
  }
});
