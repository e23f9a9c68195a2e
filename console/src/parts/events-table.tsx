// The events of an execution: pages, order, filters, details.
import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import Pagination from "@cloudscape-design/components/pagination";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import TextFilter from "@cloudscape-design/components/text-filter";
import Toggle from "@cloudscape-design/components/toggle";
import { useMemo, useState } from "react";
import type { HistoryEvent } from "../api/__generated__/states";
import { detailsOf, toneOf } from "../history/events";
import type { Story } from "../history/visit";
import { Choose } from "./choose";
import { TextView } from "./text-view";
import { duration, moment } from "./words";

const PAGE = 25;

const TONES: Record<ReturnType<typeof toneOf>, StatusIndicatorProps.Type> = {
  success: "success", error: "error", stopped: "stopped", progress: "in-progress", info: "info",
};

export interface EventsTableProps {
  story: Story;
  /** The visit whose events may be shown alone. */
  selected?: number;
  onSelect: (visit: number) => void;
}

export function EventsTable({ story, selected, onSelect }: EventsTableProps) {
  const { events } = story;
  const [page, setPage] = useState(1);
  const [newestFirst, setNewestFirst] = useState(false);
  const [type, setType] = useState("");
  const [text, setText] = useState("");
  const [attempt, setAttempt] = useState("");
  const [onlySelected, setOnlySelected] = useState(false);
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const redrives = useMemo(() => redriveOfEach(events), [events]);
  const types = useMemo(() => [...new Set(events.map((event) => event.type))].sort(), [events]);
  const wanted = useMemo(() => {
    const looked = text.trim().toLowerCase();
    const found = events.filter((event, at) =>
      (type === "" || event.type === type)
      && (attempt === "" || String(redrives.of[at]) === attempt)
      && (!onlySelected || selected === undefined || story.visitOf.get(event.id) === selected)
      && (looked === "" || String(event.id) === looked || event.type.toLowerCase().includes(looked)
        || (detailsOf(event).name ?? "").toLowerCase().includes(looked)));
    return newestFirst ? found.reverse() : found;
  }, [events, story, redrives, type, attempt, text, newestFirst, onlySelected, selected]);
  const pages = Math.max(1, Math.ceil(wanted.length / PAGE));
  const at = Math.min(page, pages);
  const from = events[0]?.timestamp ?? 0;
  const toggle = (id: number) => {
    const next = new Set(open);
    if (!next.delete(id)) next.add(id);
    setOpen(next);
  };
  const lines = wanted.slice((at - 1) * PAGE, at * PAGE);

  return (
    <Table
      items={lines}
      trackBy={(event) => String(event.id)}
      variant="container"
      wrapLines
      header={<Header variant="h2" counter={`(${wanted.length.toLocaleString()})`}>Events</Header>}
      filter={
        <SpaceBetween direction="horizontal" size="xs">
          <TextFilter filteringText={text} onChange={({ detail }) => setText(detail.filteringText)} filteringPlaceholder="Find by id, type or state" filteringAriaLabel="Find events" />
          <Choose label="Type" all="All types" options={types.map((one) => [one, one])} value={type} onChange={setType} />
          {redrives.count > 0 && (
            <Choose
              label="Redrive attempt"
              all="All attempts"
              options={Array.from({ length: redrives.count + 1 }, (_, number) => [String(number), number === 0 ? "First run" : `Redrive ${number}`])}
              value={attempt}
              onChange={setAttempt}
            />
          )}
          <SegmentedControl
            label="Order"
            selectedId={newestFirst ? "new" : "old"}
            onChange={({ detail }) => setNewestFirst(detail.selectedId === "new")}
            options={[{ id: "old", text: "Oldest first" }, { id: "new", text: "Newest first" }]}
          />
          {selected !== undefined && (
            <Toggle checked={onlySelected} onChange={({ detail }) => setOnlySelected(detail.checked)}>Only the selected state</Toggle>
          )}
        </SpaceBetween>
      }
      pagination={<Pagination currentPageIndex={at} pagesCount={pages} onChange={({ detail }) => setPage(detail.currentPageIndex)} />}
      columnDefinitions={[
        {
          id: "id", header: "ID", isRowHeader: true, width: 90,
          cell: (event) => (
            <button type="button" className="unfold-event" aria-expanded={open.has(event.id)} aria-label={`Details of event ${event.id}`} onClick={() => toggle(event.id)}>
              {open.has(event.id) ? "▾" : "▸"} {event.id}
            </button>
          ),
        },
        {
          id: "type", header: "Type", minWidth: 260,
          cell: (event) => (
            <SpaceBetween size="xs">
              <StatusIndicator type={TONES[toneOf(event.type)]}>{event.type}</StatusIndicator>
              {open.has(event.id) && <TextView value={{ ...event, ...texts(event) }} label={`event ${event.id}`} />}
            </SpaceBetween>
          ),
        },
        {
          id: "state", header: "Step",
          cell: (event) => {
            const visit = story.byId.get(story.visitOf.get(event.id) ?? -1);
            return visit === undefined ? "–" : (
              <button type="button" className="unfold-event" onClick={() => onSelect(visit.id)}><bdi>{visit.name}</bdi></button>
            );
          },
        },
        { id: "after", header: "Started after", cell: (event) => duration(event.timestamp - from) },
        { id: "at", header: "Date", cell: (event) => moment(event.timestamp) },
      ]}
      empty={<Box textAlign="center">No events</Box>}
    />
  );
}

/** JSON within an event's details, opened up. */
function texts(event: HistoryEvent): Record<string, unknown> {
  const opened: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(event)) {
    if (!key.endsWith("EventDetails") || typeof value !== "object") continue;
    opened[key] = Object.fromEntries(Object.entries(value as object).map(([name, inside]) => [name, parsed(name, inside)]));
  }
  return opened;
}

function parsed(name: string, value: unknown): unknown {
  if (typeof value !== "string" || !["input", "output", "parameters"].includes(name)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function redriveOfEach(events: HistoryEvent[]): { of: number[]; count: number } {
  let count = 0;
  const of = events.map((event) => {
    if (event.type === "ExecutionRedriven") count += 1;
    return count;
  });
  return { of, count };
}
