// How the page is built: one folder of files, each also compressed, for the server to carry.
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import type { Plugin } from "vite";

/** Leaves each file compressed (`NAME.gz`) and only so: the server unpacks for whoever cannot. */
function compressed(): Plugin {
  const compress = (folder: string) => {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      if (statSync(path).isDirectory()) {
        compress(path);
      } else {
        writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
        rmSync(path);
      }
    }
  };
  let folder = "";
  return {
    name: "compressed",
    apply: "build",
    configResolved: (config) => {
      folder = config.build.outDir;
    },
    closeBundle: { sequential: true, order: "post", handler: () => compress(join(import.meta.dirname, folder)) },
  };
}

export default defineConfig({
  base: "/console/",
  plugins: [react(), compressed()],
  worker: { format: "es" },
  build: {
    outDir: "dist",
    target: "es2022",
    reportCompressedSize: false,
    chunkSizeWarningLimit: 4000,
    // The policy of the page forbids data: where it can do without.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      output: {
        manualChunks: (id) => {
          if (/node_modules\/(react|react-dom|scheduler|react-router)\//.test(id)) return "react";
          // Charts are looked at by few.
          if (id.includes("@cloudscape-design") && !/chart/.test(id)) return "cloudscape";
          return undefined;
        },
      },
    },
  },
  test: { include: ["test/**/*.test.ts"], testTimeout: 300_000 },
});
