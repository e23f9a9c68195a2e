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

  // A state that says itself what it asks; an answer that somebody writes; what is looked for and whose it is.
  const asks = { title: "Open the <b>account</b>?", assignees: ["ann"], fields: [{ path: "decision", options: ["YES", "NO"] }, { path: "reason", required: false }] };
  const ask = (comment) => ({ StartAt: "Ask", States: { Ask: {
    Type: "Task", Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken", Comment: comment, TimeoutSeconds: 3600, HeartbeatSeconds: 1800,
    Parameters: { FunctionName: "sfn-workshop-DataChecking", Payload: { command: "CHECK_NAME", data: { name: "Ann" }, "token.$": "$$.Task.Token" } }, End: true } } });
  const start = async (name, comment) => {
    const role = (await world.cli("stepfunctions", "describe-state-machine", "--state-machine-arn", machine)).roleArn;
    const made = await world.cli("stepfunctions", "create-state-machine", "--name", name, "--role-arn", role, "--definition", JSON.stringify(ask(comment)));
    return (await world.cli("stepfunctions", "start-execution", "--state-machine-arn", made.stateMachineArn, "--name", `${name}-1`)).executionArn;
  };
  const declared = await start("declared", JSON.stringify(asks));
  const free = await start("free", "Is it so?");
  await page.goto(`${world.endpoint}/console/inbox`);
  const lines = page.getByRole("list", { name: "Tasks" }).getByRole("button");
  await lines.filter({ hasText: "declared-1" }).waitFor();
  await lines.filter({ hasText: "free-1" }).waitFor();
  await page.getByRole("searchbox", { name: "Find tasks" }).fill("declared");
  await lines.filter({ hasText: "free-1" }).waitFor({ state: "detached" });
  await lines.first().focus();
  await page.keyboard.press("Enter");
  await page.getByText("Open the <b>account</b>?").waitFor();
  await page.getByText("Next heartbeat due").waitFor();
  await page.getByRole("button", { name: "Send heartbeat" }).click();
  await page.getByRole("textbox", { name: /reason/i }).fill("known for years");
  await page.getByRole("button", { name: /^YES/ }).click();
  await page.getByText("Answered: Ask of declared-1").waitFor();
  const said = JSON.parse((await world.cli("stepfunctions", "describe-execution", "--execution-arn", declared)).output);
  check(said.decision === "YES" && said.reason === "known for years", JSON.stringify(said));

  await page.getByRole("searchbox", { name: "Find tasks" }).fill("");
  await lines.filter({ hasText: "free-1" }).click();
  await page.getByText("Is it so?").waitFor();
  await page.getByText("Fail it instead").click();
  await page.getByRole("textbox", { name: /error/i }).fill("NotSo");
  await page.getByRole("button", { name: /^Fail/ }).last().click();
  await page.getByText("Answered: Ask of free-1").waitFor();
  const failed = await world.cli("stepfunctions", "describe-execution", "--execution-arn", free);
  check(failed.status === "FAILED" && failed.error === "NotSo", JSON.stringify(failed));
  check(page.problems.length === 0, page.problems.join("\n"));
}
