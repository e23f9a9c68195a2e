// What a walk happens in: a server of its own, the real AWS command line, and a real browser.
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");

const needed = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; \`cargo xtask test\` sets it`);
  return value;
};

/** A server with the example deployed, and a browser beside it. */
export class World {
  stepd = needed("STEPD_BIN");
  aws = needed("STEPD_AWS");
  browserPath = needed("STEPD_BROWSER");
  folder = mkdtempSync(join(tmpdir(), "stepd-walk-"));

  /** Starts everything. */
  static async start() {
    const world = new World();
    try {
      await world.prepare();
    } catch (error) {
      await world.stop();
      throw error;
    }
    return world;
  }

  async prepare() {
    await this.serve("127.0.0.1:0");
    await run(this.stepd, ["deploy", join(root, "examples/account-application"), "--stack-name", "walk"], { env: this.env });
    // What the walks' own machines run as.
    const trust = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal: { Service: "states.amazonaws.com" }, Action: "sts:AssumeRole" }] };
    const allow = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] };
    await this.cli("iam", "create-role", "--role-name", "any", "--assume-role-policy-document", JSON.stringify(trust));
    await this.cli("iam", "put-role-policy", "--role-name", "any", "--policy-name", "all", "--policy-document", JSON.stringify(allow));
    this.browser = await chromium.launch({
      executablePath: this.browserPath,
      // A container's root has no user namespaces for Chromium's sandbox; only our own pages are opened.
      args: ["--no-sandbox", "--disable-dev-shm-usage"],
    });
  }

  async serve(listen) {
    const server = spawn(this.stepd, ["serve", "--listen", listen, "--data-dir", this.folder, "--history-events-max", "50000"], { stdio: ["ignore", "pipe", "ignore"] });
    this.server = server;
    this.endpoint = await new Promise((ready, failed) => {
      let said = "";
      server.stdout.on("data", (piece) => {
        said += piece;
        const found = /ready on (\S+)/.exec(said);
        if (found) ready(found[1]);
      });
      server.once("exit", (code) => failed(new Error(`the server ended (${code}): ${said}`)));
    });
    const { stdout } = await run(this.stepd, ["env", "--data-dir", this.folder]);
    this.env = { ...process.env };
    for (const [, name, value] of stdout.matchAll(/^export (\w+)='?([^'\n]*)'?$/gm)) this.env[name] = value;
    delete this.env.AWS_SESSION_TOKEN;
    delete this.env.AWS_PROFILE;
  }

  /** Kills the server as a power cut would, and starts it again on the same address. */
  async crash() {
    const ended = new Promise((done) => this.server.once("exit", done));
    this.server.kill("SIGKILL");
    await ended;
    await this.serve(new URL(this.endpoint).host);
  }

  async stop() {
    await this.browser?.close();
    if (this.server && this.server.exitCode === null) {
      const ended = new Promise((done) => this.server.once("exit", done));
      this.server.kill("SIGKILL");
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Calls `aws …` and returns what it answers. */
  async cli(...words) {
    const { stdout } = await run(this.aws, words, { env: this.env, maxBuffer: 64 << 20 });
    return stdout.trim() === "" ? {} : JSON.parse(stdout);
  }

  /** Invokes a function as the workshop's page does. */
  async invoke(name, payload) {
    const out = join(this.folder, `answer-${Math.random()}.json`);
    await run(this.aws, ["lambda", "invoke", "--function-name", `sfn-workshop-${name}`, "--payload", JSON.stringify(payload), out], { env: this.env });
    const { readFileSync } = await import("node:fs");
    return JSON.parse(readFileSync(out, "utf8"));
  }

  async machineArn() {
    const { stateMachines } = await this.cli("stepfunctions", "list-state-machines");
    return stateMachines.find((one) => one.name.startsWith("ApplicationProcessing")).stateMachineArn;
  }

  /** Runs a command of stepd's own and returns what it prints. */
  async run(...words) {
    return (await run(this.stepd, words, { env: this.env })).stdout.trim();
  }

  link() {
    return this.run("console");
  }

  /** A page that is signed in. It fails the walk when it asks another host or breaks its own policy. */
  async visit(options = {}) {
    const context = await this.browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
    const page = await context.newPage();
    page.problems = [];
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (!["blob:", "data:"].includes(url.protocol) && url.origin !== this.endpoint) page.problems.push(`asked ${request.url()}`);
    });
    page.on("pageerror", (error) => page.problems.push(`failed: ${error}`));
    page.on("console", (message) => {
      if (/Content Security Policy|Refused to/i.test(message.text())) page.problems.push(message.text());
    });
    await page.goto(await this.link());
    await page.waitForURL("**/console/machines");
    return page;
  }
}

/** How much longer something takes than on a machine that does nothing else: budgets are of time, and a machine has few cores. */
export function busy() {
  return Math.max(1, loadavg()[0] / availableParallelism());
}

/** Fails with `why` unless `holds`. */
export function check(holds, why) {
  if (!holds) throw new Error(why);
}

/** Waits until `read` returns something. */
export async function until(what, read, seconds = 20) {
  const end = Date.now() + seconds * 1_000;
  for (;;) {
    const found = await read();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${seconds} s for ${what}`);
    await new Promise((later) => setTimeout(later, 25));
  }
}
