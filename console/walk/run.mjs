// Walks through the console in a real browser, one file a walk; `node walk/run.mjs NAME…` walks some.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { World } from "./world.mjs";

const folder = join(import.meta.dirname, "steps");
const wanted = process.argv.slice(2);
const names = readdirSync(folder).filter((name) => name.endsWith(".mjs")).sort();
const world = await World.start();
let [passed, failed] = [0, 0];
try {
  for (const name of names) {
    if (wanted.length > 0 && !wanted.some((one) => name.includes(one))) continue;
    const begun = Date.now();
    const { walk, what } = await import(join(folder, name));
    try {
      await walk(world);
      passed += 1;
      console.log(`ok    ${what} (${Date.now() - begun} ms)`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED ${what}\n${error.stack}`);
      if (process.env.STEPD_SHOTS) {
        for (const [at, page] of world.browser.contexts().flatMap((one) => one.pages()).entries()) {
          await page.screenshot({ path: join(process.env.STEPD_SHOTS, `${name}-${at}.png`), fullPage: true }).catch(() => {});
        }
      }
    }
    for (const context of world.browser.contexts()) await context.close();
  }
} finally {
  await world.stop();
}
console.log(`console: ${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
