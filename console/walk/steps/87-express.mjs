export const what = "Express executions: listed, live, with their whole history, those that a caller waits for among them";

import { check } from "../world.mjs";

const ROLE = "arn:aws:iam::000000000000:role/any";

export async function walk(world) {
  const definition = JSON.stringify({ StartAt: "Wait", States: { Wait: { Type: "Wait", Seconds: 2, Next: "Done" }, Done: { Type: "Pass", Result: { said: "hello" }, End: true } } });
  const { stateMachineArn: arn } = await world.cli("stepfunctions", "create-state-machine", "--name", "quick", "--type", "EXPRESS", "--definition", definition, "--role-arn", ROLE);
  const page = await world.visit();
  await page.getByRole("link", { name: "quick" }).click();
  await page.getByText("No executions").waitFor();
  await page.getByRole("button", { name: "Start execution" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Start execution" }).click();
  // It is watched like any other.
  await page.locator('[data-state="Wait"][data-status="running"]').waitFor();
  await page.locator('[data-state="Done"][data-status="succeeded"]').waitFor();
  await page.getByText("ExecutionSucceeded").waitFor();
  check(await page.getByRole("button", { name: "Stop execution" }).isDisabled(), "AWS stops no Express execution");

  await page.goto(`${world.endpoint}/console/machines/${encodeURIComponent(arn)}`);
  const before = Object.assign(world.env, { AWS_DISABLE_HOST_PREFIX_INJECTION: "true" });
  const { executionArn } = await world.cli("stepfunctions", "start-sync-execution", "--state-machine-arn", arn, "--name", "waited-for");
  delete before.AWS_DISABLE_HOST_PREFIX_INJECTION;
  check(executionArn.includes(":express:"), executionArn);
  await page.getByRole("link", { name: "waited-for" }).click();
  await page.locator('[data-state="Done"][data-status="succeeded"]').waitFor();
  await page.getByText("ExecutionSucceeded").waitFor();
  await page.goto(`${world.endpoint}/console/machines`);
  const line = page.getByRole("row", { name: /quick/ });
  await line.getByRole("cell", { name: "2", exact: true }).waitFor();
  check(page.problems.length === 0, page.problems.join("\n"));
}
