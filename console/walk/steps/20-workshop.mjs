export const what = "the workshop's page, steps 4 to 7: from the flagged application to the approved one, without a refresh";

import { accessible } from "../axe.mjs";
import { check } from "../world.mjs";

/** How late the page may be. */
const LATE_MS = 200;

export async function walk(world) {
  const page = await world.visit();
  const machine = await world.machineArn();
  await page.getByRole("link", { name: /ApplicationProcessing/ }).click();
  await page.getByRole("heading", { name: /^Executions/ }).waitFor();
  await accessible(page, "the machine");

  // Step 4: submit an application that is flagged. The new execution shows by itself.
  const submitted = await world.invoke("SubmitApplication", { name: "Spock", address: "InvalidAddressFormat" });
  const row = page.getByRole("link", { name: `ApplicationID-${submitted.id}` });
  await row.waitFor();
  await row.click();

  // Step 5: it waits for a person.
  await page.getByRole("button", { name: /^Pending Review .*Waiting for callback/ }).waitFor();
  await page.getByRole("button", { name: /^Check Name .*Succeeded/ }).waitFor();
  await page.getByRole("button", { name: /^Approve Application .*Not started/ }).waitFor();
  await page.locator('[data-state="Check Name"]').click();
  await page.getByRole("heading", { name: "Check Name" }).waitFor();
  check(page.url().includes("step="), "the selection is in the address");
  await accessible(page, "the execution");

  // Step 6: find it, step 7: approve it.
  const found = await world.invoke("FindApplications", { state: "FLAGGED_FOR_REVIEW" });
  check(found.some((one) => one.id === submitted.id), "the application is flagged");
  const seen = page.evaluate(() => new Promise((done) => {
    const look = () => (document.querySelector('[data-state="Approve Application"]')?.dataset.status === "succeeded"
      ? done(Date.now()) : requestAnimationFrame(look));
    look();
  }));
  await world.invoke("ReviewApplication", { id: submitted.id, decision: "APPROVE" });
  const at = await seen;
  await page.getByText("Succeeded", { exact: true }).first().waitFor();
  const executionArn = `${machine.replace(":stateMachine:", ":execution:")}:ApplicationID-${submitted.id}`;
  const { stopDate, status } = await world.cli("stepfunctions", "describe-execution", "--execution-arn", executionArn);
  check(status === "SUCCEEDED", `the execution is ${status}`);
  const late = at - (typeof stopDate === "number" ? stopDate * 1_000 : Date.parse(stopDate));
  console.log(`      the approved state showed ${Math.round(late)} ms after it was written`);
  check(late < LATE_MS, `the page was ${late} ms late`);
  check(page.problems.length === 0, page.problems.join("\n"));
  await page.getByText("Newest first").click();
  await page.getByText("ExecutionSucceeded").waitFor();
}
