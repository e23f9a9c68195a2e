// The fold: a history becomes the visits of states. Pure; the same events give the same story.
//
// Each event names the one before it in its own line of events, so a state is found by going back and
// up. Where a history does not say (old recordings, events without a predecessor), the definition does.
import type { HistoryEvent } from "../api/__generated__/states";
import type { Outline } from "../definition/outline";
import { type Details, detailsOf, enteredType, isFailure, isScheduled } from "./events";
import type { Status, Story, Visit } from "./visit";

const OPEN = new Set<Status>(["running", "waiting"]);

/** Folds a whole history. Never fails: what it cannot place, it leaves out. */
export function fold(events: HistoryEvent[], outline: Outline): Story {
  const folding = new Folding(outline);
  for (const event of events) folding.add(event);
  return folding.story(events);
}

/** Folds a history that grows: what was folded before is not folded again, as long as it is the same history. */
export class Folder {
  private folding: Folding | undefined;
  private outline: Outline | undefined;
  private folded: HistoryEvent[] = [];
  private story: Story | undefined;

  /** Returns the story so far. It is a new one whenever something happened; what it holds grows in place. */
  fold(events: HistoryEvent[], outline: Outline): Story {
    if (this.story !== undefined && events === this.folded && outline === this.outline) return this.story;
    const { length } = this.folded;
    const goesOn = outline === this.outline && length <= events.length && events[length - 1] === this.folded[length - 1];
    if (this.folding === undefined || !goesOn) {
      this.folding = new Folding(outline);
      this.folded = [];
    }
    for (let at = this.folded.length; at < events.length; at += 1) this.folding.add(events[at] as HistoryEvent);
    this.outline = outline;
    this.folded = events;
    this.story = this.folding.story(events);
    return this.story;
  }
}

class Folding {
  private visits: Visit[] = [];
  private byId = new Map<number, Visit>();
  /** By the Map or Parallel, and within it by iteration or branch. */
  private children = new Map<number, Map<number, Visit[]>>();
  private visitOf = new Map<number, number>();
  private types = new Map<number, string>();
  private iterations = new Map<number, number>();
  private transitions = 0;
  private ended = false;
  private redriven = false;
  private last = 0;

  constructor(private outline: Outline) {}

  story(events: HistoryEvent[]): Story {
    const { visits, byId, visitOf, transitions, ended } = this;
    return { visits, byId, visitOf, transitions, ended, events };
  }

  add(event: HistoryEvent) {
    const details = detailsOf(event);
    const type = enteredType(event.type);
    this.types.set(event.id, event.type);
    if (type !== undefined) this.enter(event, type, details);
    else if (event.type.startsWith("Execution")) this.execution(event, details);
    else this.inside(event, details);
    this.last = event.id;
  }

  private enter(event: HistoryEvent, type: string, details: Details) {
    this.transitions += 1;
    const name = details.name ?? "";
    const scope = this.scopeOf(event, name);
    const visit: Visit = {
      id: event.id,
      name,
      type,
      ...scope,
      from: event.timestamp,
      status: type === "Fail" ? "failed" : "running",
      input: details.input,
      attempts: [],
      events: [event.id],
    };
    if (type === "Fail") visit.until = event.timestamp;
    this.visits.push(visit);
    if (visit.parent !== undefined) {
      const groups = this.children.get(visit.parent) ?? new Map<number, Visit[]>();
      this.children.set(visit.parent, groups);
      const siblings = groups.get(visit.index ?? 0);
      if (siblings === undefined) groups.set(visit.index ?? 0, [visit]);
      else siblings.push(visit);
    }
    this.byId.set(visit.id, visit);
    this.visitOf.set(event.id, visit.id);
  }

  /** Where a state is entered: inside which visit, in which iteration or branch. */
  private scopeOf(event: HistoryEvent, name: string): Pick<Visit, "parent" | "index"> {
    const owner = this.outline.ownerOf(name);
    if (owner === undefined) return {};
    const before = this.before(event);
    const beforeVisit = this.visitAt(before);
    const iteration = this.iterations.get(before);
    let parent: Visit | undefined;
    let index: number | undefined;
    if (beforeVisit?.name === owner) {
      parent = beforeVisit;
      index = iteration;
    } else if (beforeVisit !== undefined && this.outline.ownerOf(beforeVisit.name) === owner) {
      parent = this.byId.get(beforeVisit.parent ?? -1);
      index = beforeVisit.index;
    }
    parent ??= this.lastNamed(owner);
    index = this.outline.branchOf(name) ?? index ?? this.iterations.get(this.last) ?? 0;
    return { parent: parent?.id, index };
  }

  private execution(event: HistoryEvent, details: Details) {
    switch (event.type) {
      case "ExecutionStarted":
        return;
      case "ExecutionRedriven":
        this.ended = false;
        this.redriven = true;
        this.visitOf.set(event.id, this.reopen());
        return;
      case "ExecutionFailed": {
        const visit = this.visitAt(this.before(event));
        if (visit !== undefined) this.fail(visit, event, details);
      }
    }
    this.ended = true;
    for (const visit of this.visits) {
      if (OPEN.has(visit.status)) this.close(visit, this.stoppedAs(visit), event.timestamp);
    }
  }

  /** A state that was still open when something around it ended. */
  private stoppedAs(visit: Visit): Status {
    return visit.attempts.at(-1)?.status === "failed" ? "failed" : "aborted";
  }

  /** Takes up what a redrive takes up: what failed last, and all around it. */
  private reopen(): number {
    const failed = [...this.visits].reverse().find((visit) => visit.status === "failed" && visit.type !== "Fail")
      ?? this.visits.at(-1);
    for (let visit = failed; visit !== undefined; visit = this.byId.get(visit.parent ?? -1)) {
      visit.status = "running";
      visit.until = undefined;
      visit.error = visit.cause = undefined;
    }
    return failed?.id ?? -1;
  }

  /** An event of a state that was entered. */
  private inside(event: HistoryEvent, details: Details) {
    const visit = this.find(event, details);
    if (visit === undefined) return;
    this.visitOf.set(event.id, visit.id);
    visit.events.push(event.id);
    if (this.redriven && !OPEN.has(visit.status) && visit.status !== "succeeded") {
      // A redrive takes up more than one branch.
      visit.status = "running";
      visit.until = undefined;
    }
    const type = event.type;
    if (type.endsWith("StateExited")) this.exit(visit, event, details);
    else if (isScheduled(type)) this.schedule(visit, event, details);
    else if (/^(Task|LambdaFunction|Activity)/.test(type)) this.attempt(visit, event, details);
    else if (type.startsWith("MapIteration")) this.iteration(visit, event, details);
    else if (isFailure(type)) this.fault(visit, event, details);
    else if (type.endsWith("StateAborted")) this.abort(visit, event);
    else if (type === "MapRunStarted" || type === "MapRunRedriven") visit.mapRunArn = details.mapRunArn;
    else if (type === "MapStateStarted") {
      visit.length = (event as { mapStateStartedEventDetails?: Details }).mapStateStartedEventDetails?.length;
    }
  }

  private exit(visit: Visit, event: HistoryEvent, details: Details) {
    const failed = isFailure(this.types.get(this.before(event)) ?? "") || this.lastOutcomeFailed(visit);
    visit.output = details.output;
    if (details.assignedVariables !== undefined) visit.variables = details.assignedVariables;
    this.closeInside(visit, event.timestamp);
    this.close(visit, failed ? "caught" : "succeeded", event.timestamp);
  }

  /** Says whether the last thing before a state's exit was a failure: then a catcher let it go on. */
  private lastOutcomeFailed(visit: Visit): boolean {
    const before = visit.events.findLast((id) => !this.types.get(id)?.endsWith("StateExited"));
    return before !== undefined && isFailure(this.types.get(before) ?? "");
  }

  private schedule(visit: Visit, event: HistoryEvent, details: Details) {
    this.turn(visit, "running");
    const kind = details.resourceType;
    visit.resource = kind === undefined ? details.resource : `arn:aws:states:::${kind}:${details.resource}`;
    visit.parameters = details.parameters ?? details.input;
    visit.timeoutSeconds = details.timeoutInSeconds;
    visit.heartbeatSeconds = details.heartbeatInSeconds;
    visit.attempts.push({ id: event.id, from: event.timestamp, status: "running", redriven: this.redriven });
    if (event.type === "ActivityScheduled") this.turn(visit, "waiting");
  }

  private attempt(visit: Visit, event: HistoryEvent, details: Details) {
    const attempt = visit.attempts.at(-1);
    if (/Started$/.test(event.type) && attempt !== undefined) {
      attempt.startedAt = event.timestamp;
      if (waitsForToken(visit)) this.turn(visit, "waiting");
      if (event.type === "ActivityStarted") this.turn(visit, "running");
      return;
    }
    if (event.type.endsWith("StateAborted")) return this.abort(visit, event);
    if (event.type === "TaskSubmitted") {
      if (waitsForToken(visit)) this.turn(visit, "waiting");
      return;
    }
    if (isFailure(event.type)) return this.fault(visit, event, details);
    if (event.type.endsWith("Succeeded")) {
      this.turn(visit, "running");
      visit.result = details.output;
      if (attempt !== undefined) {
        attempt.status = "succeeded";
        attempt.until = event.timestamp;
      }
    }
  }

  /** Changes the status of a visit that goes on. */
  private turn(visit: Visit, status: "running" | "waiting") {
    if (OPEN.has(visit.status)) visit.status = status;
  }

  private fault(visit: Visit, event: HistoryEvent, details: Details) {
    visit.error = details.error;
    visit.cause = details.cause;
    this.turn(visit, "running");
    const attempt = visit.attempts.at(-1);
    if (attempt?.status === "running") {
      Object.assign(attempt, { status: "failed", until: event.timestamp, error: details.error, cause: details.cause });
    }
    if (visit.type === "Map" || visit.type === "Parallel") {
      const inside = this.visitAt(this.before(event));
      if (inside !== undefined && inside !== visit) {
        visit.error ??= inside.error;
        visit.cause ??= inside.cause;
        this.fail(inside, event, {}, visit.id);
      }
      this.closeInside(visit, event.timestamp);
    }
  }

  private iteration(visit: Visit, event: HistoryEvent, details: Details) {
    this.iterations.set(event.id, details.index ?? 0);
    if (!/(Failed|Aborted)$/.test(event.type)) return;
    const inside = this.visitAt(this.before(event));
    if (inside !== undefined && inside !== visit && event.type === "MapIterationFailed") {
      this.fail(inside, event, {}, visit.id);
    }
    for (const open of this.openInside(visit, details.index)) this.close(open, this.stoppedAs(open), event.timestamp);
  }

  private abort(visit: Visit, event: HistoryEvent) {
    if (!OPEN.has(visit.status)) return;
    this.closeInside(visit, event.timestamp);
    this.close(visit, "aborted", event.timestamp);
  }

  /** Marks a visit, and those around it up to `below`, as what failed. */
  private fail(from: Visit, event: HistoryEvent, details: Details, below?: number) {
    for (let visit: Visit | undefined = from; visit !== undefined && visit.id !== below; ) {
      if (OPEN.has(visit.status) || visit.type === "Fail") {
        visit.status = "failed";
        visit.until = event.timestamp;
        visit.error ??= details.error;
        visit.cause ??= details.cause;
      }
      visit = this.byId.get(visit.parent ?? -1);
    }
  }

  private closeInside(visit: Visit, at: number) {
    if (visit.type !== "Map" && visit.type !== "Parallel") return;
    for (const open of this.openInside(visit)) this.close(open, this.stoppedAs(open), at);
  }

  /** Returns the visits below `visit` that are still open, or those of one of its iterations. */
  private openInside(visit: Visit, index?: number): Visit[] {
    const open: Visit[] = [];
    const groups = this.children.get(visit.id);
    const waiting = index === undefined ? [...(groups?.values() ?? [])] : [groups?.get(index) ?? []];
    for (let group = waiting.pop(); group !== undefined; group = waiting.pop()) {
      for (const one of group) {
        if (OPEN.has(one.status)) open.push(one);
        waiting.push(...(this.children.get(one.id)?.values() ?? []));
      }
    }
    return open;
  }

  private close(visit: Visit, status: Status, at: number) {
    visit.status = status;
    visit.until = at;
    const attempt = visit.attempts.at(-1);
    if (attempt?.status === "running") {
      attempt.until = at;
      if (status === "succeeded") attempt.status = "succeeded";
      else attempt.status = "failed";
    }
  }

  private before(event: HistoryEvent): number {
    const named = event.previousEventId;
    return named !== undefined && named > 0 && this.types.has(named) ? named : this.last;
  }

  private visitAt(event: number): Visit | undefined {
    return this.byId.get(this.visitOf.get(event) ?? -1);
  }

  private lastNamed(name: string): Visit | undefined {
    return this.visits.findLast((visit) => visit.name === name && OPEN.has(visit.status)) ?? this.visits.findLast((visit) => visit.name === name);
  }

  /** Returns the visit that an event is of: back to the one before it, and from there upwards. */
  private find(event: HistoryEvent, details: Details): Visit | undefined {
    const name = details.name ?? details.state;
    const type = event.type;
    const kind = type.startsWith("Map") ? "Map" : type.startsWith("ParallelState") ? "Parallel" : undefined;
    const isMeant = (visit: Visit) =>
      name !== undefined && (type.endsWith("StateExited") || type === "EvaluationFailed" || type.startsWith("MapIteration"))
        ? visit.name === name
        : kind === undefined || visit.type === kind;
    const start = this.visitAt(this.before(event));
    const around: Visit[] = [];
    for (let visit = start; visit !== undefined; visit = this.byId.get(visit.parent ?? -1)) around.push(visit);
    if (type.endsWith("StateAborted")) return this.findAborted(type.slice(0, -"StateAborted".length), around);
    const meant = around.filter(isMeant);
    // What failed inside of it is closed by now: a Map or a Parallel that fails is still open.
    const found = kind === undefined ? meant[0] : meant.find((visit) => OPEN.has(visit.status)) ?? meant[0];
    if (found !== undefined) return found;
    return name !== undefined ? this.lastNamed(name) : start;
  }

  /** An abort names what failed elsewhere: it is of this very state, or of one beside what failed. */
  private findAborted(type: string, around: Visit[]): Visit | undefined {
    const [own] = around;
    if (own !== undefined && own.type === type && OPEN.has(own.status)) return own;
    return this.visits.findLast((visit) => visit.type === type && OPEN.has(visit.status) && !around.includes(visit));
  }
}

function waitsForToken(visit: Visit): boolean {
  return visit.resource?.endsWith(".waitForTaskToken") ?? false;
}
