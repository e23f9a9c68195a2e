export const what = "the studio: a machine is made from the palette, checked while it is written, tried out and saved";

import { readFileSync } from "node:fs";
import { accessible } from "../axe.mjs";
import { check, until } from "../world.mjs";

export async function walk(world) {
  const page = await world.visit();
  await page.getByRole("button", { name: "Create state machine" }).click();
  await page.getByRole("textbox", { name: "Name", exact: true }).fill("made-here");
  await page.getByRole("textbox", { name: "Execution role (ARN)" }).fill("arn:aws:iam::000000000000:role/any");

  // A state is selected on the graph, and another is put behind it.
  await page.locator('[data-state="Pass"]').click();
  await page.getByRole("group", { name: "New states" }).getByRole("button", { name: "Choice", exact: true }).click();
  await page.locator('[data-state="Choice"]').waitFor();

  // The server finds that a Choice without choices is none.
  await page.locator(".cm-lintRange-error, .cm-lint-marker-error").first().waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await page.locator('[data-state="Choice"]').waitFor({ state: "detached" });
  await page.locator('[data-state="Pass"]').click();
  await page.getByRole("group", { name: "New states" }).getByRole("button", { name: "Wait", exact: true }).click();
  await page.locator('[data-state="Wait"]').waitFor();

  // A state is dragged onto the graph: it comes behind the one that it falls on.
  await page.getByRole("group", { name: "New states" }).getByRole("button", { name: "Parallel", exact: true }).dragTo(page.locator('[data-state="Pass"]'));
  await page.locator('[data-state="Parallel"]').waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await page.locator('[data-state="Parallel"]').waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Redo" }).click();
  await page.locator('[data-state="Parallel"]').waitFor();
  await page.getByRole("button", { name: "Undo" }).click();

  // The graph as a picture.
  for (const [kind, begins] of [["SVG", "<svg "], ["PNG", "\x89PNG"]]) {
    await page.getByRole("button", { name: "Export" }).click();
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("menuitem", { name: kind }).click()]);
    const bytes = readFileSync(await file.path());
    check(bytes.toString("latin1").startsWith(begins) && bytes.length > 1_000, `${kind}: ${bytes.length} bytes`);
    if (kind === "SVG") check(bytes.includes("Wait"), "the picture shows the states");
  }

  // What is edited in the form is in the code, and can be undone.
  await page.locator('[data-state="Pass"]').click();
  await page.getByRole("textbox", { name: "Comment" }).fill("said in the form");
  await page.locator(".cm-content").first().getByText("said in the form").waitFor();

  // What is written is offered: fields of this type of state, and their values.
  const code = page.getByRole("textbox", { name: "Definition" });
  await code.getByText('"Seconds"').click();
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await page.keyboard.type('"Time');
  await page.locator(".cm-tooltip-autocomplete").getByText("TimestampPath").waitFor();
  await accessible(page, "the studio");
  await page.keyboard.press("Escape");
  await page.getByText(/The graph waits for the code/).waitFor();
  await until("the code to be readable again", async () => {
    await page.getByRole("button", { name: "Undo" }).click();
    return (await page.getByText(/The graph waits for the code/).count()) === 0;
  });
  await page.locator('[data-state="Wait"]').waitFor();

  // A dry run of one state.
  await page.locator('[data-state="Pass"]').click();
  await page.getByRole("tab", { name: "Test state" }).click();
  await page.getByRole("button", { name: "Run this state" }).click();
  await page.getByText("SUCCEEDED").waitFor();

  // A call is not made where an answer stands in for it.
  await page.getByRole("group", { name: "New states" }).getByRole("button", { name: "Lambda invoke", exact: true }).click();
  await page.locator('[data-state="Lambda Invoke"]').waitFor();
  await page.getByRole("tab", { name: "Configuration" }).click();
  await page.getByRole("tab", { name: "Test state" }).click();
  await page.getByRole("textbox", { name: "What its call answers" }).click();
  await page.keyboard.insertText('{"StatusCode": 200, "Payload": {"said": "a stand-in"}}');
  await page.getByRole("button", { name: "Run this state" }).click();
  await page.getByRole("region", { name: "output", exact: true }).getByText("a stand-in").waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await page.locator('[data-state="Lambda Invoke"]').waitFor({ state: "detached" });

  // YAML says the same.
  await page.getByText("YAML", { exact: true }).click();
  await page.getByText("StartAt: Pass").waitFor();
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByRole("heading", { name: "made-here" }).waitFor();
  const { stateMachines } = await world.cli("stepfunctions", "list-state-machines");
  const made = stateMachines.find((one) => one.name === "made-here");
  const { definition } = await world.cli("stepfunctions", "describe-state-machine", "--state-machine-arn", made.stateMachineArn);
  const { StartAt, States } = JSON.parse(definition);
  check(StartAt === "Pass" && States.Pass.Next === "Wait" && States.Wait.End === true, definition);
  check(page.problems.length === 0, page.problems.join("\n"));
}
