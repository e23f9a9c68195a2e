// Every recorded history folds into a status for every state.
import { expect, test } from "vitest";
import { Outline } from "../src/definition/outline";
import { enteredType } from "../src/history/events";
import { fold } from "../src/history/fold";
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
    for (let length = 0; length < history.length; length += 3) fold(history.slice(0, length), outline);
  }
});
