export const what = "every page can be used by everybody, in light and in dark, on a screen and on a phone; budgets hold";

import { accessible } from "../axe.mjs";
import { busy, check, until } from "../world.mjs";

/** Compressed script of a first view beyond what is split off as framework, in bytes. */
const SCRIPT_MAX = 300 * 1024;
/** How soon a page that nothing is known of can be used. */
const INTERACTIVE_MS = 1_000;
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
    [`machines/${machine}?tab=monitoring`, /^Duration/],
    [`machines/${machine}?tab=logging`, /^Logging/],
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
    check(page.problems.length === 0, page.problems.join("\n"));
    await page.context().close();
  }
  await interactive(world, "machines", "button", "Create state machine");
  await interactive(world, `executions/${encodeURIComponent(execution)}`, "button", "New execution");
}

/** From the first byte that is asked for to something that can be used, nothing of the page being known yet. The best of a
 *  few: what else the machine does meanwhile is not the page's. */
async function interactive(world, path, role, name) {
  const took = [];
  for (let number = 0; number < 4; number += 1) {
    const page = await world.visit();
    const network = await page.context().newCDPSession(page);
    await network.send("Network.clearBrowserCache");
    await page.goto(`${world.endpoint}/console/${path}`, { waitUntil: "commit" });
    const button = page.getByRole(role, { name, exact: true }).first();
    await button.waitFor();
    took.push(await button.evaluate(() => performance.now()));
    await page.context().close();
  }
  const best = Math.round(Math.min(...took));
  console.log(`      /console/${path.split("/")[0]} can be used after ${took.map(Math.round).join(", ")} ms`);
  check(best < INTERACTIVE_MS * busy(), `${path} can be used after ${best} ms`);
}
