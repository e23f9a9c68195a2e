export const what = "a machine: copied, imported, exported as a template that deploys; its aliases, tags and logging; its monitoring";

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { accessible } from "../axe.mjs";
import { check } from "../world.mjs";

const ROLE = "arn:aws:iam::000000000000:role/any";

export async function walk(world) {
  const definition = JSON.stringify({ StartAt: "A", States: { A: { Type: "Pass", End: true } } });
  const made = await world.cli("stepfunctions", "create-state-machine", "--name", "original", "--definition", definition, "--role-arn", ROLE);
  const arn = made.stateMachineArn;
  await world.cli("logs", "create-log-group", "--log-group-name", "/walk");
  for (let number = 0; number < 3; number += 1) await world.cli("stepfunctions", "start-execution", "--state-machine-arn", arn);
  const page = await world.visit();
  const open = (tab) => page.goto(`${world.endpoint}/console/machines/${encodeURIComponent(arn)}?tab=${tab}`);
  const dialog = page.getByRole("dialog");
  const done = () => dialog.waitFor({ state: "detached" });

  await open("tags");
  await page.getByRole("button", { name: "Manage tags" }).click();
  await dialog.getByRole("button", { name: "Add tag" }).click();
  await dialog.getByRole("combobox", { name: /Key/ }).last().fill("team");
  await dialog.getByRole("combobox", { name: /Value/ }).last().fill("accounts");
  await dialog.getByRole("button", { name: "Save" }).click();
  await done();
  await page.getByRole("cell", { name: "accounts" }).waitFor();

  await open("logging");
  await page.getByRole("button", { name: "Edit logging" }).click();
  await dialog.getByRole("button", { name: /Log level/ }).click();
  await page.getByRole("option", { name: "All events" }).click();
  await dialog.getByRole("textbox", { name: /Log group/ }).fill("arn:aws:logs:us-east-1:000000000000:log-group:/walk:*");
  await dialog.getByRole("button", { name: "Save" }).click();
  await done();
  await page.getByText("log-group:/walk").waitFor();

  await open("versions");
  for (const version of ["1", "2"]) {
    if (version === "2") await world.cli("stepfunctions", "update-state-machine", "--state-machine-arn", arn, "--definition", definition.replace('"A"', '"A" '));
    await page.getByRole("button", { name: "Publish version" }).click();
    await dialog.getByRole("button", { name: "Publish" }).click();
    await done();
    await page.getByRole("button", { name: `Delete version ${version}` }).waitFor();
  }
  await open("aliases");
  await page.getByRole("button", { name: "Create alias" }).click();
  await dialog.getByRole("textbox", { name: "Name" }).fill("live");
  await dialog.getByRole("button", { name: "Create", exact: true }).click();
  await done();
  await page.getByText("version 2: 100 %").waitFor();
  await page.getByRole("button", { name: "Edit live" }).click();
  await dialog.getByRole("button", { name: /Second version/ }).click();
  await page.getByRole("option", { name: "Version 1" }).click();
  await dialog.getByRole("spinbutton").fill("25");
  await dialog.getByRole("button", { name: "Save" }).click();
  await done();
  await page.getByText("version 2: 75 %, version 1: 25 %").waitFor();
  await page.getByRole("button", { name: "Delete live" }).click();
  await dialog.getByRole("button", { name: "Delete", exact: true }).click();
  await done();
  await page.getByText("No aliases").waitFor();

  await open("monitoring");
  await page.getByText("100.0 %").waitFor();
  await accessible(page, "the monitoring");

  // The template that the page makes is one that the server deploys.
  for (const kind of ["CloudFormation", "SAM"]) {
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      exported(page, `${kind} template`),
    ]);
    const text = readFileSync(await file.path(), "utf8").replaceAll("original", `exported-${kind}`);
    const path = join(world.folder, `${kind}.yaml`);
    writeFileSync(path, text);
    await world.cli("cloudformation", "create-stack", "--stack-name", `exported-${kind}`, "--template-body", `file://${path}`, "--capabilities", "CAPABILITY_AUTO_EXPAND");
    await world.cli("cloudformation", "wait", "stack-create-complete", "--stack-name", `exported-${kind}`);
    const copy = await world.cli("stepfunctions", "describe-state-machine", "--state-machine-arn", arn.replace(/original$/, `exported-${kind}`));
    const { StartAt, States } = JSON.parse(copy.definition);
    check(StartAt === "A" && States.A.Type === "Pass" && States.A.End === true, copy.definition);
    check(copy.loggingConfiguration.level === "ALL", "the template holds what is logged");
  }

  await page.getByRole("button", { name: "Actions" }).click();
  await page.getByRole("menuitem", { name: "Copy to new" }).click();
  await page.getByRole("textbox", { name: "Name", exact: true }).and(page.locator('[value="original-copy"]')).waitFor();
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByRole("heading", { name: "original-copy" }).waitFor();

  // A file becomes the definition; what it calls anew is asked about.
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  const yaml = "StartAt: Call\nStates:\n  Call:\n    Type: Task\n    Resource: arn:aws:states:::lambda:invoke\n    Parameters:\n      FunctionName: f\n    End: true\n";
  await page.getByRole("button", { name: "Import" }).waitFor();
  await page.getByLabel("Definition to import").setInputFiles({ name: "broken.json", mimeType: "application/json", buffer: Buffer.from("{") });
  await page.getByText("broken.json cannot be imported").waitFor();
  await page.getByLabel("Definition to import").setInputFiles({ name: "calls.asl.yaml", mimeType: "application/yaml", buffer: Buffer.from(yaml) });
  await page.locator('[data-state="Call"]').waitFor();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await dialog.getByText("The IAM role may need to change").waitFor();
  await accessible(page, "the warning");
  await dialog.getByRole("button", { name: "Save anyway" }).click();
  await page.getByRole("heading", { name: "original-copy" }).waitFor();
  const saved = await world.cli("stepfunctions", "describe-state-machine", "--state-machine-arn", arn.replace(/original$/, "original-copy"));
  check(JSON.parse(saved.definition).StartAt === "Call", saved.definition);
  check(page.problems.length === 0, page.problems.join("\n"));
}

async function exported(page, what) {
  await page.getByRole("button", { name: "Actions" }).click();
  await page.getByRole("menuitem", { name: what }).click();
}
