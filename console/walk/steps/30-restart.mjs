export const what = "a page that is left open outlives a crash of the server, and is right afterwards";

import { check } from "../world.mjs";

export async function walk(world) {
  const page = await world.visit();
  const { id } = await world.invoke("SubmitApplication", { name: "Spock", address: "InvalidAddressFormat" });
  await page.getByRole("link", { name: /ApplicationProcessing/ }).click();
  await page.getByRole("link", { name: `ApplicationID-${id}` }).click();
  await page.getByRole("button", { name: /^Pending Review .*Waiting/ }).waitFor();
  await world.crash();
  await page.getByText(/cannot be heard/).waitFor({ state: "detached" });
  await world.invoke("ReviewApplication", { id, decision: "REJECT" });
  await page.getByRole("button", { name: /^Reject Application .*Succeeded/ }).waitFor();
  await page.getByRole("button", { name: /^Approve Application .*Not started/ }).waitFor();
  check(page.problems.length === 0, page.problems.join("\n"));
}
