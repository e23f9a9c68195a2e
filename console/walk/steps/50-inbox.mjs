export const what = "the inbox: the flagged application is approved with the button that the definition asks for";

import { accessible } from "../axe.mjs";
import { check } from "../world.mjs";

export async function walk(world) {
  const page = await world.visit();
  await page.goto(`${world.endpoint}/console/inbox`);
  const { id } = await world.invoke("SubmitApplication", { name: "Uhura", address: "InvalidAddressFormat" });
  const name = `ApplicationID-${id}`;

  // It shows by itself; the keyboard alone reaches it.
  const line = page.getByRole("list", { name: "Tasks" }).getByRole("button", { name: new RegExp(name) });
  await line.waitFor();
  await line.focus();
  await page.keyboard.press("Enter");
  await page.getByText("Waits until somebody answers with the token.").waitFor();
  await accessible(page, "the inbox");

  await page.getByRole("button", { name: "Take it" }).click();
  await page.getByRole("button", { name: "Let go" }).waitFor();
  const buttons = await page.getByRole("button", { name: /goes on to/ }).allInnerTexts();
  check(buttons.join() === "APPROVE,REJECT", `the buttons are ${buttons}`);
  await page.getByRole("button", { name: /^APPROVE/ }).click();
  await page.getByText(`Answered: Pending Review of ${name}`).waitFor();
  await line.waitFor({ state: "detached" });

  const machine = await world.machineArn();
  const arn = `${machine.replace(":stateMachine:", ":execution:")}:${name}`;
  await page.goto(`${world.endpoint}/console/executions/${encodeURIComponent(arn)}?state=Pending%20Review`);
  await page.locator('[data-state="Approve Application"][data-status="succeeded"]').waitFor();
  await page.getByText(/Answered by .*root/).waitFor();
  const { output } = await world.cli("stepfunctions", "describe-execution", "--execution-arn", arn);
  check(output !== undefined, "the execution has an output");
  check(page.problems.length === 0, page.problems.join("\n"));
}
