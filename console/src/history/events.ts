// Reading one event: its details, whatever their member is called, and what kind of event it is.
import type { HistoryEvent } from "../api/__generated__/states";

/** What an event's details may hold, whichever kind it is. */
export interface Details {
  name?: string;
  state?: string;
  index?: number;
  input?: unknown;
  output?: unknown;
  error?: string;
  cause?: string;
  resource?: string;
  resourceType?: string;
  parameters?: unknown;
  mapRunArn?: string;
  length?: number;
  timeoutInSeconds?: number;
  heartbeatInSeconds?: number;
  assignedVariables?: Record<string, string>;
  redriveCount?: number;
  location?: string;
}

const NONE: Details = {};

/** Returns the details of an event; an empty object for an event without. */
export function detailsOf(event: HistoryEvent): Details {
  for (const key in event) {
    if (key.endsWith("EventDetails")) return (event as unknown as Record<string, Details>)[key] ?? NONE;
  }
  return NONE;
}

/** `TaskStateEntered` → `Task`; nothing for other events. */
export function enteredType(type: string): string | undefined {
  return type.endsWith("StateEntered") ? type.slice(0, -"StateEntered".length) : undefined;
}

/** `LambdaFunctionScheduled`, `TaskScheduled`, `ActivityScheduled`: an attempt begins. */
export function isScheduled(type: string): boolean {
  return type.endsWith("Scheduled");
}

/** An attempt, or what a state did by itself, went wrong. */
export function isFailure(type: string): boolean {
  return /^(Task|LambdaFunction|Activity)(Failed|TimedOut|ScheduleFailed|StartFailed|SubmitFailed)$/.test(type)
    || type === "EvaluationFailed" || /^(MapState|ParallelState|MapRun)Failed$/.test(type);
}

/** The colour family of an event in the list. */
export function toneOf(type: string): "success" | "error" | "stopped" | "progress" | "info" {
  if (/(Succeeded|Exited)$/.test(type)) return "success";
  if (/(Failed|TimedOut)$/.test(type)) return "error";
  if (/Aborted$/.test(type)) return "stopped";
  if (/(Scheduled|Started|Submitted)$/.test(type)) return "progress";
  return "info";
}
