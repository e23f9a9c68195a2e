export const what = "an answer link: asked on a phone, answered once, and says so afterwards";

import { accessible } from "../axe.mjs";
import { check } from "../world.mjs";

export async function walk(world) {
  const page = await world.visit();
  const { id } = await world.invoke("SubmitApplication", { name: "Sulu", address: "InvalidAddressFormat" });
  const machine = await world.machineArn();
  const arn = `${machine.replace(":stateMachine:", ":execution:")}:ApplicationID-${id}`;
  await page.goto(`${world.endpoint}/console/executions/${encodeURIComponent(arn)}?state=Pending%20Review`);
  await page.getByText("Answer from somewhere else").click();
  await page.getByRole("button", { name: "Make an answer link" }).click();
  const link = await page.getByText(/\/console\/answer#/).innerText();

  check((await world.run("task", "link", `ApplicationID-${id}`)) === link, "the command line prints the same link");

  // Opening it, as scanners of mail do, answers nothing.
  check((await fetch(link)).status === 200, "a link opens");
  const phone = await world.browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  const visitor = await phone.newPage();
  await visitor.goto(link);
  await visitor.getByRole("heading", { name: "Pending Review" }).waitFor();
  await accessible(visitor, "the answer page");
  const overflows = await visitor.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  check(!overflows, "the page fits a phone");
  check(await page.locator('[data-state="Pending Review"][data-status="waiting"]').count() === 1, "it still waits");
  await visitor.getByRole("textbox", { name: "Your name" }).fill("Ann <b>of</b> Accounts");
  await visitor.getByRole("button", { name: /^REJECT/ }).click();
  await visitor.getByText("Thank you. Your answer is recorded.").waitFor();

  await page.locator('[data-state="Reject Application"][data-status="succeeded"]').waitFor();
  await page.getByText(/Answered by Ann <b>of<\/b> Accounts/).waitFor();
  const again = await phone.newPage();
  await again.goto(link);
  await again.getByText("This was already answered.").waitFor();
  await again.getByText("Ann <b>of</b> Accounts").waitFor();
  const spoiled = await phone.newPage();
  await spoiled.goto(`${link.slice(0, -2)}AA`);
  await spoiled.getByText(/no link of this server/).waitFor();
  check(page.problems.length === 0, page.problems.join("\n"));
}
