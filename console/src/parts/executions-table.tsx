// The executions of a machine or of a map run: newest first, filtered by the server, kept up by itself.
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import TextFilter from "@cloudscape-design/components/text-filter";
import DateRangePicker, { type DateRangePickerProps } from "@cloudscape-design/components/date-range-picker";
import { useState } from "react";
import type { ExecutionListItem, ExecutionStatus } from "../api/__generated__/states";
import { lastOf, to } from "../api/arn";
import { readAll } from "../api/pages";
import type { Change } from "../live/stream";
import { useRead } from "../live/use-read";
import { Choose } from "./choose";
import { Go } from "./go";
import { useColumns } from "./preferences";
import { Problem } from "./problem";
import { ExecutionStatusMark, executionWord } from "./status";
import { duration, moment } from "./words";

const STATUSES: ExecutionStatus[] = ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE"];
const COLUMNS = [
  { id: "name", label: "Name", fixed: true },
  { id: "status", label: "Status" },
  { id: "started", label: "Start time" },
  { id: "ended", label: "End time" },
  { id: "took", label: "Duration" },
  { id: "redrives", label: "Redrives" },
  { id: "by", label: "Version or alias" },
];
const PAGE = 100;
/** With a filter that the server does not have, this many are looked through. */
const LOOKED_THROUGH = 2_000;

export interface ExecutionsTableProps {
  of: { stateMachineArn: string } | { mapRunArn: string };
  concerns: (change: Change) => boolean;
  actions?: React.ReactNode;
  onStart?: () => void;
}

export function ExecutionsTable({ of, concerns, actions, onStart }: ExecutionsTableProps) {
  const [status, setStatus] = useState("");
  const [redriven, setRedriven] = useState("");
  const [text, setText] = useState("");
  const [range, setRange] = useState<DateRangePickerProps.Value | null>(null);
  const [shown, setShown] = useState(PAGE);
  const columns = useColumns("executions", COLUMNS);
  const input = {
    ...of,
    statusFilter: status === "" ? undefined : (status as ExecutionStatus),
    redriveFilter: redriven === "" ? undefined : (redriven as "REDRIVEN" | "NOT_REDRIVEN"),
    maxResults: PAGE,
  };
  const looked = text !== "" || range !== null ? Math.max(shown, LOOKED_THROUGH) : shown;
  const list = useRead(
    JSON.stringify(["executions", input, looked]),
    (signal) => readAll("ListExecutions", { ...input, maxResults: Math.min(looked, 1_000) }, (page) => page.executions, looked, signal),
    concerns,
  );
  const wanted = (list.value?.lines ?? []).filter((line) => matches(line, text, range));

  return (
    <SpaceBetween size="s">
      <Problem error={list.error} again={list.again} />
      <Table
        items={wanted}
        trackBy="executionArn"
        loading={list.loading}
        loadingText="Reading the executions"
        stickyHeader
        variant="container"
        header={
          <Header counter={`(${wanted.length}${list.value?.more ? "+" : ""})`} actions={actions}>
            Executions
          </Header>
        }
        filter={
          <SpaceBetween direction="horizontal" size="xs">
            <TextFilter
              filteringText={text}
              filteringPlaceholder="Find executions"
              filteringAriaLabel="Find executions"
              onChange={({ detail }) => setText(detail.filteringText)}
            />
            <Choose label="Status" all="All statuses" value={status} onChange={setStatus} options={STATUSES.map((one) => [one, executionWord(one)])} />
            <Choose label="Redrives" all="Redriven or not" value={redriven} onChange={setRedriven} options={[["REDRIVEN", "Redriven"], ["NOT_REDRIVEN", "Not redriven"]]} />
            <DateRangePicker
              value={range}
              onChange={({ detail }) => setRange(detail.value)}
              placeholder="Started at any time"
              relativeOptions={RELATIVE}
              isValidRange={() => ({ valid: true })}
              expandToViewport
            />
          </SpaceBetween>
        }
        columnDisplay={COLUMNS.map(({ id }) => ({ id, visible: columns.shown.includes(id) }))}
        preferences={columns.preferences}
        columnDefinitions={[
          { id: "name", header: "Name", isRowHeader: true, cell: (line) => <Go to={to.execution(line.executionArn)}>{line.name}</Go> },
          { id: "status", header: "Status", cell: (line) => <ExecutionStatusMark status={line.status} /> },
          { id: "started", header: "Start time", cell: (line) => moment(line.startDate) },
          { id: "ended", header: "End time", cell: (line) => moment(line.stopDate) },
          { id: "took", header: "Duration", cell: (line) => (line.stopDate === undefined ? "–" : duration(line.stopDate - line.startDate)) },
          { id: "redrives", header: "Redrives", cell: (line) => line.redriveCount ?? 0 },
          { id: "by", header: "Version or alias", cell: (line) => qualifier(line) },
        ]}
        empty={
          <Box textAlign="center" padding="l">
            <SpaceBetween size="s">
              <Box variant="strong">No executions</Box>
              {onStart && <Button onClick={onStart}>Start execution</Button>}
            </SpaceBetween>
          </Box>
        }
        footer={
          list.value?.more && (
            <Box textAlign="center">
              <Button onClick={() => setShown(looked + PAGE * 5)}>Show more</Button>
            </Box>
          )
        }
      />
    </SpaceBetween>
  );
}

const RELATIVE: DateRangePickerProps.RelativeOption[] = [
  { key: "5m", amount: 5, unit: "minute", type: "relative" },
  { key: "1h", amount: 1, unit: "hour", type: "relative" },
  { key: "1d", amount: 1, unit: "day", type: "relative" },
  { key: "1w", amount: 1, unit: "week", type: "relative" },
];

const SECONDS: Record<string, number> = { second: 1, minute: 60, hour: 3_600, day: 86_400, week: 604_800, month: 2_592_000, year: 31_536_000 };

function matches(line: ExecutionListItem, text: string, range: DateRangePickerProps.Value | null): boolean {
  if (text !== "" && !line.name.toLowerCase().includes(text.trim().toLowerCase())) return false;
  if (range === null) return true;
  if (range.type === "relative") return line.startDate >= Date.now() / 1_000 - range.amount * (SECONDS[range.unit] ?? 0);
  return line.startDate >= Date.parse(range.startDate) / 1_000 && line.startDate <= Date.parse(range.endDate) / 1_000;
}

function qualifier(line: ExecutionListItem): string {
  const arn = line.stateMachineAliasArn ?? line.stateMachineVersionArn;
  return arn === undefined ? "–" : lastOf(arn);
}
