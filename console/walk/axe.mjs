// Asks axe whether a page can be used by everybody.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Fails when axe finds something serious or worse. */
export async function accessible(page, what) {
  // What fades in has too little contrast until it is there.
  await page.evaluate(() => Promise.all(document.getAnimations()
    .filter((one) => one.effect?.getComputedTiming().iterations !== Infinity)
    .map((one) => one.finished.catch(() => {}))));
  // By the browser, not by the page: the page's policy stays as it is.
  await page.evaluate(source);
  // Cloudscape's own bar for small screens has an attribute that axe does not like; it is not ours to change.
  const { violations } = await page.evaluate(() =>
    window.axe.run({ exclude: [["nav[aria-orientation]"]] }, { resultTypes: ["violations"] }));
  const bad = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  if (bad.length > 0) {
    const found = bad.map(({ id, help, nodes }) => `${id}: ${help}\n    ${nodes.slice(0, 4).map((node) => node.html.slice(0, 240)).join("\n    ")}`);
    throw new Error(`axe on ${what}:\n  ${found.join("\n  ")}`);
  }
}
