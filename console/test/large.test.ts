// Large histories: a Map of ten thousand iterations folds at once. The bound leaves room for busy machines.
import { expect, test } from "vitest";
import type { HistoryEvent } from "../src/api/__generated__/states";
import { Outline, type State } from "../src/definition/outline";
import { fold } from "../src/history/fold";
import { iterationsOf, statusOfAll } from "../src/history/status";
import { treeOf, unfolded } from "../src/history/tree";

const ITERATIONS = 10_000;
const MILLIS_MAX = 5_000;

test("ten thousand iterations, every tenth of which fails", () => {
  const inside: Record<string, State> = { One: { Type: "Pass", Next: "No" }, No: { Type: "Fail" } };
  const outline = new Outline({ StartAt: "Many", States: { Many: { Type: "Map", End: true, ItemProcessor: { StartAt: "One", States: inside } } } });
  const history: HistoryEvent[] = [];
  const add = (type: string, previousEventId: number, details: object) => {
    const id = history.length + 1;
    history.push({ id, previousEventId, type, timestamp: id, [`${type}EventDetails`]: details } as unknown as HistoryEvent);
    return id;
  };
  add("ExecutionStarted", 0, {});
  const map = add("MapStateEntered", 0, { name: "Many" });
  const begun = add("MapStateStarted", map, { length: ITERATIONS });
  for (let index = 0; index < ITERATIONS; index += 1) {
    const started = add("MapIterationStarted", begun, { name: "Many", index });
    const entered = add("PassStateEntered", started, { name: "One" });
    const exited = add("PassStateExited", entered, { name: "One" });
    if (index % 10 === 0) add("MapIterationFailed", add("FailStateEntered", exited, { name: "No" }), { name: "Many", index });
    else add("MapIterationSucceeded", exited, { name: "Many", index });
  }
  const from = performance.now();
  const story = fold(history, outline);
  const took = performance.now() - from;
  expect(story.visits.length).toBe(1 + ITERATIONS + ITERATIONS / 10);
  const [many] = story.visits;
  expect(many && iterationsOf(story, many).filter(({ status }) => status === "failed").length).toBe(ITERATIONS / 10);
  expect(statusOfAll(outline, story).get("One")).toBe("succeeded");
  const tree = treeOf(story);
  expect(unfolded(tree, new Set([tree[0]?.id ?? ""])).length).toBe(ITERATIONS + 1);
  const all = performance.now() - from;
  console.log(`${history.length} events: folded in ${Math.round(took)} ms, with statuses and tree in ${Math.round(all)} ms`);
  expect(all).toBeLessThan(MILLIS_MAX);
});
