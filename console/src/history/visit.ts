// A visit: one time that an execution was in a state. What the graph, the table and the panel show.
import type { HistoryEvent } from "../api/__generated__/states";

/** What became of a state. The order is that of the legend. */
export type Status =
  | "running"
  | "waiting"
  | "succeeded"
  | "failed"
  | "caught"
  | "aborted"
  | "notStarted";

/** One attempt of a state's task. */
export interface Attempt {
  /** The number of its `…Scheduled` event. */
  id: number;
  from: number;
  until?: number;
  /** When a worker or the service took it up. */
  startedAt?: number;
  status: "running" | "succeeded" | "failed";
  error?: string;
  cause?: string;
  /** It began after a redrive. */
  redriven: boolean;
}

/** One stay in a state. */
export interface Visit {
  /** The number of the event that entered it. */
  id: number;
  name: string;
  /** `Task`, `Map`, … */
  type: string;
  /** The Map or Parallel state that it is inside of. */
  parent?: number;
  /** The iteration of a Map, the branch of a Parallel. */
  index?: number;
  from: number;
  until?: number;
  status: Status;
  input?: unknown;
  output?: unknown;
  error?: string;
  cause?: string;
  attempts: Attempt[];
  /** Numbers of its own events, not of those inside. */
  events: number[];
  /** `arn:aws:states:::lambda:invoke.waitForTaskToken`, or a function's or an activity's ARN. */
  resource?: string;
  /** What its task was given. */
  parameters?: unknown;
  /** What its task's call answered, before the state made its output of it. */
  result?: unknown;
  timeoutSeconds?: number;
  heartbeatSeconds?: number;
  variables?: Record<string, string>;
  mapRunArn?: string;
  /** How many iterations a Map has. */
  length?: number;
}

/** All that a history says of an execution. */
export interface Story {
  visits: Visit[];
  byId: Map<number, Visit>;
  /** The visit of each event that belongs to one. */
  visitOf: Map<number, number>;
  /** State transitions, as AWS bills them. */
  transitions: number;
  ended: boolean;
  events: HistoryEvent[];
}
