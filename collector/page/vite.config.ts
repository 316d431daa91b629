import { defineConfig } from "vitest/config";

// The address of a running collector, for `npm run dev` alone.
const collector = process.env.COLLECTOR ?? "http://127.0.0.1:8126";

export default defineConfig({
  base: "/",
  esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
  build: {
    // Below a folder that is in the repository, so that cargo finds something to watch (collector/build.rs).
    outDir: "dist/www",
    target: "es2022",
    modulePreload: false,
    // Everything that is loaded is a file of its own: the page's policy allows no inline script, and no data: URL.
    assetsInlineLimit: 0,
  },
  server: { proxy: { "/api": collector, "/info": collector } },
  test: { include: ["test/unit/*.test.ts"], environment: "node" },
});
