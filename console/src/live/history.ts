// The history of an execution, kept up: what is known stays, only what is new is read.
import { useEffect } from "react";
import type { HistoryEvent } from "../api/__generated__/states";
import { call } from "../api/call";
import { stream } from "./stream";
import { type Read, useRead } from "./use-read";

const PAGE = 1_000;
/** How much of the end is looked at first, when some of it is known. */
const NEWS = 100;

/** Returns all events of an execution, and those to come. */
export function useHistory(executionArn: string): Read<HistoryEvent[]> {
  const read = useRead<HistoryEvent[]>(
    executionArn,
    (signal, known) => (known === undefined ? readWhole(executionArn, signal) : readOn(executionArn, known, signal)),
    (change) => executionArn in change.executions,
  );
  useEffect(() => stream.watch(executionArn), [executionArn]);
  return read;
}

async function readWhole(executionArn: string, signal: AbortSignal): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  let nextToken: string | undefined;
  do {
    const page = await call("GetExecutionHistory", { executionArn, maxResults: PAGE, nextToken }, signal);
    events.push(...page.events);
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return events;
}

/** Reads from the newest back to what is known. */
async function readOn(executionArn: string, known: HistoryEvent[], signal: AbortSignal): Promise<HistoryEvent[]> {
  const last = known.at(-1)?.id ?? 0;
  const news: HistoryEvent[] = [];
  let nextToken: string | undefined;
  do {
    const input = { executionArn, maxResults: NEWS, reverseOrder: true, nextToken };
    const page = await call("GetExecutionHistory", input, signal);
    const fresh = page.events.filter((event) => event.id > last);
    news.push(...fresh);
    nextToken = fresh.length < page.events.length ? undefined : page.nextToken;
  } while (nextToken !== undefined);
  return news.length === 0 ? known : [...known, ...news.reverse()];
}
