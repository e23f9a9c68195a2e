export const what = "a session is its key's: a user's page is signed out when the key is taken away";

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { check } from "../world.mjs";

export async function walk(world) {
  await world.cli("iam", "create-user", "--user-name", "walker");
  const allow = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: ["states:*", "stepd:*"], Resource: "*" }] };
  await world.cli("iam", "put-user-policy", "--user-name", "walker", "--policy-name", "all", "--policy-document", JSON.stringify(allow));
  const { AccessKey } = await world.cli("iam", "create-access-key", "--user-name", "walker");
  const env = { ...world.env, AWS_ACCESS_KEY_ID: AccessKey.AccessKeyId, AWS_SECRET_ACCESS_KEY: AccessKey.SecretAccessKey };
  const link = (await promisify(execFile)(world.stepd, ["console"], { env })).stdout.trim();
  const context = await world.browser.newContext();
  const page = await context.newPage();
  await page.goto(link);
  await page.getByRole("link", { name: /ApplicationProcessing/ }).waitFor();
  await page.getByRole("button", { name: /walker/ }).waitFor();
  await world.cli("iam", "update-access-key", "--user-name", "walker", "--access-key-id", AccessKey.AccessKeyId, "--status", "Inactive");
  // What is asked next is refused, and the page says what to do.
  await page.getByRole("link", { name: /ApplicationProcessing/ }).click();
  await page.getByText(/stepd console/).first().waitFor();
  check((await page.getByRole("link", { name: /ApplicationProcessing/ }).count()) === 0, "nothing is left to be seen");
  await world.cli("iam", "delete-access-key", "--user-name", "walker", "--access-key-id", AccessKey.AccessKeyId);
  await world.cli("iam", "delete-user-policy", "--user-name", "walker", "--policy-name", "all");
  await world.cli("iam", "delete-user", "--user-name", "walker");
}
