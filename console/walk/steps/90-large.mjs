export const what = "25,000 events and a Map of 10,000 iterations stay smooth, also while events arrive";

import { busy, check } from "../world.mjs";

const ROLE = "arn:aws:iam::000000000000:role/any";
/** The page may be busy for so long at once; machines that test have few cores, which the server has too. */
const BLOCKED_MS = 400;

/** Watches the page: frames and what blocks it, while `act` goes on. */
async function watched(page, what, act) {
  await page.evaluate(() => {
    const seen = { frames: [], blocked: [], on: true };
    window.seen = seen;
    new PerformanceObserver((list) => seen.blocked.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: "longtask", buffered: false });
    let before = performance.now();
    const frame = (at) => {
      seen.frames.push(at - before);
      before = at;
      if (seen.on) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  await act();
  const { frames, blocked } = await page.evaluate(() => {
    window.seen.on = false;
    return window.seen;
  });
  frames.sort((a, b) => a - b);
  const at = (share) => Math.round(frames[Math.min(frames.length - 1, Math.floor(frames.length * share))] ?? 0);
  const longest = Math.round(Math.max(0, ...blocked));
  console.log(`      ${what}: ${frames.length} frames, half within ${at(0.5)} ms, 95 of 100 within ${at(0.95)} ms, the longest ${at(1)} ms; ${blocked.length} long tasks, the longest ${longest} ms`);
  return { median: at(0.5), longest };
}

async function scroll(page, element) {
  await element.evaluate((place) => new Promise((done) => {
    const end = performance.now() + 2_000;
    const step = () => {
      place.scrollTop += 900;
      if (place.scrollTop + place.clientHeight >= place.scrollHeight - 1) place.scrollTop = 0;
      if (performance.now() < end) requestAnimationFrame(step);
      else done();
    };
    requestAnimationFrame(step);
  }));
}

export async function walk(world) {
  const inner = { ProcessorConfig: { Mode: "INLINE" }, StartAt: "One", States: { One: { Type: "Pass", End: true } } };
  const page = await world.visit();
  // Four events an iteration: one execution with as many events as AWS allows, one with as many iterations as the server is let.
  for (const count of [6_200, 10_000]) {
    const definition = {
      StartAt: "Begin",
      States: {
        Begin: { Type: "Wait", Seconds: 3, Next: "Items" },
        Items: { Type: "Pass", QueryLanguage: "JSONata", Output: `{% [1..${count}] %}`, Next: "Each" },
        Each: { Type: "Map", MaxConcurrency: 40, ItemProcessor: inner, ResultPath: null, End: true },
      },
    };
    const name = `large-${count}`;
    const { stateMachineArn } = await world.cli("stepfunctions", "create-state-machine", "--name", name, "--definition", JSON.stringify(definition), "--role-arn", ROLE);
    const { executionArn } = await world.cli("stepfunctions", "start-execution", "--state-machine-arn", stateMachineArn);
    const address = `${world.endpoint}/console/executions/${encodeURIComponent(executionArn)}`;
    await page.goto(address);
    await page.locator('[data-state="Begin"][data-status="running"]').waitFor();
    const arriving = await watched(page, `${count} iterations, while their events arrive`, () =>
      page.locator('[data-state="Each"][data-status="succeeded"]').waitFor({ timeout: 120_000 }));
    await page.goto(`${address}?view=table`);
    const table = page.getByRole("region", { name: "States" });
    await table.getByRole("button", { name: "Each", exact: true }).waitFor();
    await table.getByRole("button", { name: "Unfold Each" }).click().catch(() => {});
    await page.getByText("ExecutionSucceeded").or(page.getByText(`(${(count * 4 + 10).toLocaleString("en")})`)).first().waitFor();
    const scrolled = await watched(page, `${count} iterations, scrolling the table`, () => scroll(page, table));
    await page.goto(`${address}?state=One`);
    await page.locator('[data-state="One"][aria-pressed="true"]').waitFor();
    const choosing = await watched(page, `${count} iterations, choosing one`, async () => {
      await page.getByRole("button", { name: /Iteration of Each/ }).click();
      await page.getByRole("option", { name: /#4321/ }).first().waitFor({ timeout: 500 }).catch(() => {});
      await page.keyboard.type("4321");
      await page.getByRole("option", { name: /#4321/ }).first().click();
      await page.getByText(/Each #4321|event \d+/).first().waitFor({ timeout: 2_000 }).catch(() => {});
    });
    for (const { longest } of [arriving, scrolled, choosing]) check(longest < BLOCKED_MS * busy(), `the page was blocked for ${longest} ms`);
  }
  check(page.problems.length === 0, page.problems.join("\n"));
}
