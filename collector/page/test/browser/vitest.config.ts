import { defineConfig } from "vitest/config";

export default defineConfig({
  root: new URL("../..", import.meta.url).pathname,
  test: { include: ["test/browser/*.test.ts"], fileParallelism: false, testTimeout: 90_000, hookTimeout: 90_000, expect: { poll: { timeout: 20_000 } } },
});
