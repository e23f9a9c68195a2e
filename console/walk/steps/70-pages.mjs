export const what = "every page can be used by everybody, in light and in dark, on a screen and on a phone; budgets hold";

import { accessible } from "../axe.mjs";
import { check, until } from "../world.mjs";

/** Compressed script of a first view beyond what is split off as framework, in bytes. */
const SCRIPT_MAX = 300 * 1024;
const FRAMEWORK = /\/(react|cloudscape)-/;

export async function walk(world) {
  const machine = encodeURIComponent(await world.machineArn());
  const { id } = await world.invoke("SubmitApplication", { name: "Bones", address: "123 Street" });
  const execution = decodeURIComponent(machine).replace(":stateMachine:", ":execution:") + `:ApplicationID-${id}`;
  const pages = [
    ["machines", /State machines/],
    [`machines/${machine}`, /^Executions/],
    [`machines/${machine}?tab=definition`, /ApplicationProcessing/],
    [`machines/${machine}?tab=tags`, /^Tags/],
    [`executions/${encodeURIComponent(execution)}?state=Check%20Name`, /^Events/],
    [`executions/${encodeURIComponent(execution)}?view=table`, /^Events/],
    ["inbox", /^Inbox/],
    [`studio/${machine}`, /^Code/],
  ];
  for (const [width, colorScheme] of [[1440, "light"], [1440, "dark"], [390, "light"]]) {
    const page = await world.visit({ viewport: { width, height: 844 }, colorScheme });
    for (const [path, heading] of pages) {
      let bytes = 0;
      const size = async (response) => {
        const url = response.url();
        if (url.endsWith(".js") && !FRAMEWORK.test(url) && !url.includes("elk-worker")) bytes += Number(response.headers()["content-length"] ?? 0);
      };
      page.on("response", size);
      await page.goto(`${world.endpoint}/console/${path}`);
      await page.getByRole("heading", { name: heading }).first().waitFor();
      await until("nothing to be loading", async () => (await page.locator('[class*="awsui_spinner"], .graph-wait').count()) === 0);
      page.off("response", size);
      await accessible(page, `${path} at ${width} in ${colorScheme}`);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      check(overflow <= 0, `${path} is ${overflow} pixels wider than ${width}`);
      check(bytes <= SCRIPT_MAX, `${path} loads ${bytes} bytes of script`);
    }
    const ready = await page.evaluate(() => performance.getEntriesByType("navigation")[0].domInteractive);
    check(ready < 1_000, `interactive after ${Math.round(ready)} ms`);
    check(page.problems.length === 0, page.problems.join("\n"));
    await page.context().close();
  }
}
