export const what = "a link signs in once, and nothing is to be had without";

import { check } from "../world.mjs";

export async function walk(world) {
  const link = await world.link();
  const first = await world.browser.newContext();
  const page = await first.newPage();
  await page.goto(link);
  await page.getByRole("heading", { name: /State machines/ }).waitFor();
  check(!page.url().includes("#"), "the token is out of the address");
  const [cookie] = await first.cookies();
  check(cookie.httpOnly && cookie.sameSite === "Strict", "the cookie is for the server alone");

  const second = await world.browser.newContext();
  const late = await second.newPage();
  await late.goto(link);
  await late.getByText(/used already/).waitFor();

  const ask = (headers) => fetch(`${world.endpoint}/console/api/ListStateMachines`, { method: "POST", body: "{}", headers });
  check((await ask({ "x-stepd-console": "1" })).status === 401, "no session, no answer");
  const session = { cookie: `${cookie.name}=${cookie.value}` };
  check((await ask({ ...session, "x-stepd-console": "1" })).status === 200, "a session is an answer");
  check((await ask(session)).status === 403, "a form of somebody else's is refused");
  const elsewhere = { ...session, "x-stepd-console": "1", origin: "http://127.0.0.1:1" };
  check((await ask(elsewhere)).status === 403, "another port's page is refused");

  await page.getByRole("button", { name: "root" }).click();
  await page.getByText("Sign out").click();
  await page.getByText("stepd console").waitFor();
  check((await ask({ ...session, "x-stepd-console": "1" })).status === 401, "what was signed out stays out");
}
