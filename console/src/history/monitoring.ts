// What became of a machine's executions over time: counts and durations in equal slots. Pure.
import type { ExecutionListItem } from "../api/__generated__/states";

export const OUTCOMES = ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** A part of the time that is looked at. */
export interface Slot {
  /** Seconds since 1970. */
  from: number;
  counts: Record<Outcome, number>;
  /** Of those that began in it and have ended, in seconds, in order. */
  durations: number[];
}

export interface Sums {
  slots: Slot[];
  /** Of all slots. */
  counts: Record<Outcome, number>;
  total: number;
  /** Of all that ended, in seconds, in order. */
  durations: number[];
}

/** Returns the executions that began from `from` until `until`, in `number` slots. */
export function sumsOf(executions: ExecutionListItem[], from: number, until: number, number: number): Sums {
  const width = (until - from) / number;
  const slots = Array.from({ length: number }, (_, at): Slot => ({ from: from + at * width, counts: none(), durations: [] }));
  const sums: Sums = { slots, counts: none(), total: 0, durations: [] };
  for (const { status, startDate, stopDate } of executions) {
    if (startDate < from || startDate > until) continue;
    const slot = slots[Math.min(number - 1, Math.floor((startDate - from) / width))];
    // What waits to be redriven failed.
    const outcome = (OUTCOMES as readonly string[]).includes(status) ? (status as Outcome) : "FAILED";
    if (slot === undefined) continue;
    slot.counts[outcome] += 1;
    sums.counts[outcome] += 1;
    sums.total += 1;
    if (stopDate === undefined) continue;
    slot.durations.push(stopDate - startDate);
    sums.durations.push(stopDate - startDate);
  }
  for (const one of [...slots, sums]) one.durations.sort((a, b) => a - b);
  return sums;
}

/** Returns the value below which `share` of the ordered values lie: one of them, as CloudWatch's percentiles are near. */
export function percentile(ordered: number[], share: number): number | undefined {
  return ordered[Math.max(0, Math.ceil(ordered.length * share) - 1)];
}

function none(): Record<Outcome, number> {
  return { RUNNING: 0, SUCCEEDED: 0, FAILED: 0, TIMED_OUT: 0, ABORTED: 0 };
}
