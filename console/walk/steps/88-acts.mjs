export const what = "executions: started by alias, again with the same input, stopped, redriven, exported; children, iterations and Map Runs";

import { readFileSync } from "node:fs";
import { accessible } from "../axe.mjs";
import { check, until } from "../world.mjs";

const ROLE = "arn:aws:iam::000000000000:role/any";

export async function walk(world) {
  const create = async (name, definition) =>
    (await world.cli("stepfunctions", "create-state-machine", "--name", name, "--definition", JSON.stringify(definition), "--role-arn", ROLE)).stateMachineArn;
  const describe = (arn) => world.cli("stepfunctions", "describe-execution", "--execution-arn", arn);
  const page = await world.visit();
  const dialog = page.getByRole("dialog");
  const done = () => dialog.waitFor({ state: "detached" });
  const arnShown = () => decodeURIComponent(new URL(page.url()).pathname.split("/").at(-1));

  // Started by an alias, and once more with the same input.
  const child = await create("child", { StartAt: "Long", States: { Long: { Type: "Wait", SecondsPath: "$.seconds", End: true } } });
  const { stateMachineVersionArn } = await world.cli("stepfunctions", "publish-state-machine-version", "--state-machine-arn", child);
  await world.cli("stepfunctions", "create-state-machine-alias", "--name", "live", "--routing-configuration", `stateMachineVersionArn=${stateMachineVersionArn},weight=100`);
  await page.goto(`${world.endpoint}/console/machines/${encodeURIComponent(child)}`);
  await page.getByRole("button", { name: "Start execution" }).first().click();
  await dialog.getByRole("button", { name: /Version or alias/ }).click();
  await page.getByRole("option", { name: "Alias live" }).click();
  await dialog.getByRole("textbox", { name: "Input" }).click();
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText('{"seconds": 3600}');
  await dialog.getByRole("button", { name: "Start execution" }).click();
  await page.locator('[data-state="Long"][data-status="running"]').waitFor();
  const first = await describe(arnShown());
  check(first.stateMachineAliasArn?.endsWith(":live"), JSON.stringify(first));
  await page.getByRole("button", { name: "New execution" }).click();
  await dialog.getByText('"seconds"').waitFor();
  await dialog.getByRole("button", { name: "Start execution" }).click();
  await page.waitForURL((url) => !url.href.includes(first.name));
  await page.locator('[data-state="Long"][data-status="running"]').waitFor();
  check(JSON.parse((await describe(arnShown())).input).seconds === 3_600, "the input is used again");

  // Stopped, with a reason.
  await page.getByRole("button", { name: "Stop execution" }).click();
  await dialog.getByRole("textbox", { name: "Cause" }).fill("enough");
  await dialog.getByRole("button", { name: "Stop execution" }).click();
  await page.locator('[data-state="Long"][data-status="aborted"]').waitFor();
  check((await describe(arnShown())).cause === "enough", "the cause is kept");

  // Redriven: it goes on where it was.
  await page.getByRole("button", { name: "Redrive", exact: true }).click();
  await dialog.getByRole("button", { name: "Redrive" }).click();
  await page.locator('[data-state="Long"][data-status="running"]').waitFor();
  await page.getByText("ExecutionRedriven").waitFor();
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export" }).first().click()]);
  const { events } = JSON.parse(readFileSync(await file.path(), "utf8"));
  check(events.some((event) => event.type === "ExecutionRedriven") && events[0].type === "ExecutionStarted", "the history is exported");

  // A child's page is one click away.
  const parent = await create("parent", { StartAt: "Nest", States: { Nest: { Type: "Task", Resource: "arn:aws:states:::states:startExecution", Parameters: { StateMachineArn: child, Input: { seconds: 1 } }, End: true } } });
  const nested = await world.cli("stepfunctions", "start-execution", "--state-machine-arn", parent);
  await page.goto(`${world.endpoint}/console/executions/${encodeURIComponent(nested.executionArn)}?state=Nest`);
  await page.locator('[data-state="Nest"][data-status="succeeded"]').waitFor();
  await page.getByRole("tab", { name: "Variables" }).waitFor();
  await page.getByRole("tab", { name: "Details" }).last().click();
  await page.getByRole("link", { name: /:execution:child:/ }).click();
  await page.locator('[data-state="Long"]').waitFor();

  // Nested Maps: an iteration of the outer, then one of the inner.
  const inner = { Type: "Map", ItemsPath: "$", ItemProcessor: { StartAt: "Ask", States: {
    Ask: { Type: "Choice", Choices: [{ Variable: "$", NumericGreaterThan: 3, Next: "Bad" }], Default: "Good" }, Good: { Type: "Pass", End: true }, Bad: { Type: "Fail", Error: "TooMuch" } } }, End: true,
    Catch: [{ ErrorEquals: ["States.ALL"], Next: "Caught" }] };
  const maps = await create("maps", { StartAt: "Outer", States: { Outer: { Type: "Map", ItemProcessor: { StartAt: "Inner", States: { Inner: inner, Caught: { Type: "Pass", End: true } } }, End: true } } });
  const mapped = await world.cli("stepfunctions", "start-execution", "--state-machine-arn", maps, "--input", "[[1,2],[3,4]]");
  await until("the maps to end", async () => (await describe(mapped.executionArn)).status === "SUCCEEDED");
  await page.goto(`${world.endpoint}/console/executions/${encodeURIComponent(mapped.executionArn)}`);
  const choose = async (map, iteration) => {
    await page.getByRole("button", { name: new RegExp(`Iteration of ${map}`) }).click();
    await page.getByRole("option", { name: new RegExp(`^#${iteration}`) }).first().click();
  };
  await choose("Outer", 1);
  await page.locator('[data-state="Inner"][data-status="caught"]').waitFor();
  await choose("Inner", 0);
  await page.locator('[data-state="Good"][data-status="succeeded"]').waitFor();
  await page.locator('[data-state="Bad"][data-status="notStarted"]').waitFor();
  await choose("Inner", 1);
  await page.locator('[data-state="Bad"][data-status="failed"]').waitFor();
  await choose("Outer", 0);
  await page.locator('[data-state="Inner"][data-status="succeeded"]').waitFor();

  // What is selected is the same in graph, table and events, and in the address.
  await page.locator('[data-state="Inner"]').click();
  const step = new URL(page.url()).searchParams.get("step");
  check(step !== null, page.url());
  await page.getByText("Table view").click();
  await page.locator("tr.chosen").getByText("Inner").waitFor();
  await page.getByText("Only the selected state").click();
  await page.getByText(/^MapStateEntered$/).first().waitFor();
  check((await page.getByText(/^ExecutionStarted$/).count()) === 0, "only the events of the state");
  await page.reload();
  await page.locator("tr.chosen").getByText("Inner").waitFor();
  await page.getByText("Graph view").click();
  await page.locator('[data-state="Inner"][aria-pressed="true"]').waitFor();
  await page.getByRole("tab", { name: "Output" }).last().click();
  const before = await page.locator(".react-flow__viewport").getAttribute("style");
  await page.getByRole("button", { name: "Zoom in" }).click();
  await until("the graph to grow", async () => (await page.locator(".react-flow__viewport").getAttribute("style")) !== before);
  await page.getByRole("button", { name: "Full screen" }).click();
  await until("full screen", () => page.evaluate(() => document.fullscreenElement !== null));
  await page.evaluate(() => document.exitFullscreen());

  // The stages of a task's data, from what is recorded.
  const staged = await create("staged", { StartAt: "Call", States: { Call: {
    Type: "Task", Resource: "arn:aws:states:::aws-sdk:sts:getCallerIdentity", InputPath: "$.inside", Parameters: {}, ResultSelector: { "who.$": "$.Account" }, ResultPath: "$.answer", End: true } } });
  const call = await world.cli("stepfunctions", "start-execution", "--state-machine-arn", staged, "--input", '{"inside":{"a":1}}');
  await page.goto(`${world.endpoint}/console/executions/${encodeURIComponent(call.executionArn)}?state=Call`);
  await page.locator('[data-state="Call"][data-status="succeeded"]').waitFor();
  await page.getByRole("tab", { name: "Output" }).last().click();
  await page.getByText("What the task answered").waitFor();
  await page.getByText("Each stage of the data").click();
  await page.getByRole("region", { name: "After ResultSelector" }).getByText("000000000000").waitFor();
  await page.getByRole("region", { name: "After InputPath" }).getByText('"a"').waitFor();

  // A Map Run, changed while it goes on.
  const many = await create("many", { StartAt: "Each", States: { Each: { Type: "Map", Label: "Each", MaxConcurrency: 2,
    ItemProcessor: { ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" }, StartAt: "Hold", States: { Hold: { Type: "Wait", Seconds: 600, End: true } } }, End: true } } });
  const run = await world.cli("stepfunctions", "start-execution", "--state-machine-arn", many, "--input", "[1,2,3,4,5,6]");
  await page.goto(`${world.endpoint}/console/executions/${encodeURIComponent(run.executionArn)}?state=Each`);
  await page.locator('[data-state="Each"][data-status="running"]').waitFor();
  await page.getByRole("tab", { name: "Details" }).last().click();
  await page.getByRole("link", { name: /:mapRun:/ }).click();
  const mapRunArn = arnShown();
  const running = page.getByRole("row", { name: /Hold|Running/ });
  await until("two children to run", async () => (await running.count()) >= 2);
  await accessible(page, "a Map Run");
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  await dialog.getByLabel(/concurrency/i).fill("4");
  await dialog.getByLabel(/percent/i).fill("50");
  await dialog.getByRole("button", { name: "Save" }).click();
  await done();
  const changed = await world.cli("stepfunctions", "describe-map-run", "--map-run-arn", mapRunArn);
  check(changed.maxConcurrency === 4 && changed.toleratedFailurePercentage === 50, JSON.stringify(changed));
  await until("the page to count four that run", async () => (await world.cli("stepfunctions", "describe-map-run", "--map-run-arn", mapRunArn)).itemCounts.running === 4);
  await page.getByRole("row", { name: /^Items? .*\b4\b/ }).first().waitFor();
  await page.getByRole("row").getByRole("link", { name: /^[0-9a-f-]{36}$/ }).first().click();
  await page.locator('[data-state="Hold"][data-status="running"]').waitFor();
  await page.getByRole("link", { name: /:mapRun:/ }).waitFor();
  check(page.problems.length === 0, page.problems.join("\n"));
}
