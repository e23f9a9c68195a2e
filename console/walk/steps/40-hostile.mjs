export const what = "hostile names, inputs and causes show as text and break nothing";

import { check } from "../world.mjs";

const EVIL = '"><img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>';

export async function walk(world) {
  const states = {};
  const name = `<b onmouseover="x">${"\u202e"}evil${"\u2066"} &amp; "quoted"`.slice(0, 80);
  states[name] = { Type: "Pass", Comment: EVIL, Next: "Fail" };
  states.Fail = { Type: "Fail", Error: EVIL, Cause: EVIL.repeat(40) };
  const definition = JSON.stringify({ Comment: EVIL, StartAt: name, States: states });
  const machine = await world.cli("stepfunctions", "create-state-machine", "--name", "hostile", "--definition", definition, "--role-arn", "arn:aws:iam::000000000000:role/any");
  const page = await world.visit();
  await page.getByRole("link", { name: "hostile" }).click();
  await page.getByRole("button", { name: "Start execution" }).first().click();
  const dialog = page.getByRole("dialog");
  const editor = dialog.getByRole("textbox", { name: "Input" });
  await editor.click();
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText("{ not json");
  await dialog.getByText(/JSON at position|Expected property/).first().waitFor();
  check(await dialog.getByRole("button", { name: "Start execution" }).isDisabled(), "broken JSON is not sent");
  await page.keyboard.press("Control+A");
  const long = { evil: EVIL, arabic: "مرحبا بالعالم", long: "x".repeat(200_000) };
  await page.keyboard.insertText(JSON.stringify(long));
  await dialog.getByRole("button", { name: "Start execution" }).click();
  await page.getByText("View step details").waitFor();
  await page.getByText("View step details").click();
  await page.getByText("Show all").first().waitFor({ timeout: 10_000 }).catch(() => {});
  check((await page.title()) === "stepd", "nothing of the data ran");
  check((await page.locator("img[src=x]").count()) === 0, "nothing of the data became a part of the page");
  check(page.problems.length === 0, page.problems.join("\n"));
  await world.cli("stepfunctions", "delete-state-machine", "--state-machine-arn", machine.stateMachineArn);
}
