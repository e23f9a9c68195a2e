// Time as bars: when a state ran, its attempts, and the waits between them.
import type { Visit } from "./visit";

export interface Bar {
  /** Parts of the whole, from 0 to 1. */
  from: number;
  width: number;
  kind: "attempt" | "backoff";
  failed: boolean;
}

/** Returns the bars of a visit within `from` … `until`. */
export function barsOf(visit: Visit, from: number, until: number): Bar[] {
  const whole = Math.max(until - from, 0.001);
  const bar = (begin: number, end: number, kind: Bar["kind"], failed: boolean): Bar => ({
    from: clamp((begin - from) / whole),
    width: clamp((end - begin) / whole),
    kind,
    failed,
  });
  const end = visit.until ?? until;
  if (visit.attempts.length < 2) {
    return [bar(visit.from, end, "attempt", visit.status === "failed" || visit.status === "caught")];
  }
  const bars: Bar[] = [];
  let before = visit.from;
  for (const attempt of visit.attempts) {
    if (attempt.from > before) bars.push(bar(before, attempt.from, "backoff", false));
    before = attempt.until ?? end;
    bars.push(bar(attempt.from, before, "attempt", attempt.status === "failed"));
  }
  if (end > before) bars.push(bar(before, end, "attempt", false));
  return bars;
}

function clamp(part: number): number {
  return Math.min(1, Math.max(0, part));
}
