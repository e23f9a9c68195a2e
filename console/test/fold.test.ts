// Every recorded history folds into a status for every state.
import { expect, test } from "vitest";
import type { HistoryEvent } from "../src/api/__generated__/states";
import { Outline, type State } from "../src/definition/outline";
import { enteredType } from "../src/history/events";
import { Folder, fold } from "../src/history/fold";
import { statusOfAll } from "../src/history/status";
import { recordings } from "./corpus";

test("every recorded history folds into a status for every state", () => {
  for (const { name, definition, status, history } of recordings()) {
    const outline = new Outline(definition);
    const story = fold(history, outline);
    const statuses = statusOfAll(outline, story);
    const entered = new Set(history.filter((event) => enteredType(event.type)).map((event) =>
      (event.stateEnteredEventDetails as { name: string }).name));
    for (const state of outline.names()) {
      const found = statuses.get(state);
      const says = `${name}: ${state} is ${found}`;
      // A state is not started exactly if nothing entered it, and nothing goes on after an end.
      expect(found === "notStarted", says).toBe(!entered.has(state));
      expect(["running", "waiting"].includes(found ?? ""), says).toBe(false);
    }
    for (const visit of story.visits) {
      expect(visit.until, `${name}: ${visit.name} has an end`).toBeDefined();
      const owner = outline.ownerOf(visit.name);
      const parent = story.byId.get(visit.parent ?? -1)?.name;
      expect(parent, `${name}: ${visit.name} is inside of`).toBe(owner);
    }
    if (status === "FAILED") {
      expect([...statuses.values()].includes("failed"), `${name}: something failed`).toBe(true);
    }
    if (status === "SUCCEEDED") {
      const exited = history.filter((event) => event.type.endsWith("StateExited"));
      const closed = story.visits.filter((visit) => ["succeeded", "caught"].includes(visit.status));
      expect(closed.length, `${name}: what was exited is done`).toBe(exited.length);
    }
    // A prefix of a history is what a page shows while it runs: it folds as well.
    // It comes to the same when it is folded piece by piece.
    const folder = new Folder();
    for (let length = 0; length < history.length; length += 3) {
      const begun = history.slice(0, length);
      expect(folder.fold(begun, outline), `${name} up to ${length}`).toEqual(fold(begun, outline));
    }
    expect(folder.fold(history, outline), name).toEqual(story);
  }
});

/** `id previous type name index`: events without what the fold does not read. */
function events(lines: string[]): HistoryEvent[] {
  return lines.map((line, at) => {
    const [id, previous, type, name, index] = line.split(" ");
    const member = `${type}EventDetails`;
    return { id: Number(id), previousEventId: Number(previous), type, timestamp: at, [member]: { name, index: Number(index) } } as unknown as HistoryEvent;
  });
}

test("a failure within nested Maps closes what is beside it, and is caught where it is caught", () => {
  const items: State = { Type: "Map", End: true, ItemProcessor: { StartAt: "No", States: { No: { Type: "Fail" } } } };
  const orders: State = { Type: "Map", Next: "After", ItemProcessor: { StartAt: "Items", States: { Items: items } } };
  const outline = new Outline({ StartAt: "Orders", States: { Orders: orders, After: { Type: "Wait", End: true } } });
  const history = events([
    "1 0 ExecutionStarted", "2 0 MapStateEntered Orders", "3 2 MapStateStarted",
    "4 3 MapIterationStarted Orders 0", "5 4 MapStateEntered Items", "6 3 MapIterationStarted Orders 1", "7 6 MapStateEntered Items",
    "8 5 MapStateStarted", "9 8 MapIterationStarted Items 0", "10 9 FailStateEntered No",
    "11 10 MapIterationFailed Items 0", "12 10 MapStateFailed", "13 12 MapIterationFailed Orders 0",
    "14 12 MapStateAborted", "15 12 MapStateAborted", "16 12 MapIterationAborted Orders 1",
    "17 12 MapStateFailed", "18 17 MapStateExited Orders", "19 18 WaitStateEntered After",
  ]);
  const story = fold(history, outline);
  const shown = story.visits.map((visit) => `${visit.name} ${visit.index ?? "-"} ${visit.status}`);
  expect(shown).toEqual(["Orders - caught", "Items 0 failed", "Items 1 aborted", "No 0 failed", "After - running"]);
  expect(statusOfAll(outline, story, { Orders: 1 }).get("Items")).toBe("aborted");
});

test("a redrive takes up what failed", () => {
  const outline = new Outline({ StartAt: "Try", States: { Try: { Type: "Task", Resource: "x", End: true } } });
  const lines = [
    "1 0 ExecutionStarted", "2 0 TaskStateEntered Try", "3 2 TaskScheduled", "4 3 TaskStarted", "5 4 TaskFailed", "6 5 ExecutionFailed",
    "7 6 ExecutionRedriven", "8 7 TaskScheduled", "9 8 TaskStarted", "10 9 TaskSucceeded", "11 10 TaskStateExited Try", "12 11 ExecutionSucceeded",
  ];
  const statusAt = (length: number) => statusOfAll(outline, fold(events(lines.slice(0, length)), outline)).get("Try");
  expect([5, 6, 7, 8, 12].map(statusAt)).toEqual(["running", "failed", "running", "running", "succeeded"]);
  const [visit] = fold(events(lines), outline).visits;
  expect(visit?.attempts.map((one) => `${one.status} ${one.redriven}`)).toEqual(["failed false", "succeeded true"]);
});
