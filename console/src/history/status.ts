// What colour, shape and word a state has: one status for every state of the definition.
import type { Outline } from "../definition/outline";
import type { Status, Story, Visit } from "./visit";

/** Which iteration of each Map is looked at; a Map that is not named shows all of them. */
export type Chosen = Record<string, number | undefined>;

/** The word for each status, in the order of the legend. */
export const WORDS: Record<Status, string> = {
  running: "In progress",
  waiting: "Waiting for callback",
  succeeded: "Succeeded",
  failed: "Failed",
  caught: "Caught error",
  aborted: "Canceled",
  notStarted: "Not started",
};

/** Returns the visits that belong to the chosen iterations. */
export function chosenVisits(story: Story, chosen: Chosen): Visit[] {
  const included = new Map<number, boolean>();
  return story.visits.filter((visit) => {
    const parent = story.byId.get(visit.parent ?? -1);
    let inside = true;
    if (parent !== undefined) {
      const wanted = parent.type === "Map" ? chosen[parent.name] : undefined;
      inside = (included.get(parent.id) ?? true) && (wanted === undefined || wanted === visit.index);
    }
    included.set(visit.id, inside);
    return inside;
  });
}

// With several visits at once, what needs a look comes first.
const FIRST: Status[] = ["waiting", "running", "failed", "aborted", "caught", "succeeded"];

/** Returns a status for every state. A state visited again shows its last visit; one that iterations
 *  or branches visit side by side shows what needs a look. */
export function statusOfAll(outline: Outline, story: Story, chosen: Chosen = {}): Map<string, Status> {
  const latest = new Map<string, Map<string, Status>>();
  for (const visit of chosenVisits(story, chosen)) {
    // Visits of one iteration follow each other; those of several stand side by side.
    const scope = `${visit.parent ?? ""}/${visit.index ?? ""}`;
    const scopes = latest.get(visit.name) ?? new Map<string, Status>();
    scopes.set(scope, visit.status);
    latest.set(visit.name, scopes);
  }
  const statuses = new Map<string, Status>();
  for (const name of outline.names()) {
    const found = new Set(latest.get(name)?.values() ?? []);
    statuses.set(name, FIRST.find((status) => found.has(status)) ?? "notStarted");
  }
  return statuses;
}

/** The iterations of a Map in a story, with what became of each. */
export function iterationsOf(story: Story, map: Visit): { index: number; status: Status }[] {
  const worst = new Map<number, Status>();
  for (const visit of story.visits) {
    if (visit.parent !== map.id || visit.index === undefined) continue;
    worst.set(visit.index, visit.status);
  }
  return [...worst].map(([index, status]) => ({ index, status })).sort((a, b) => a.index - b.index);
}
