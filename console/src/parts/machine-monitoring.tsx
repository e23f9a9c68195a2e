// How a machine's executions went lately: how many, how they ended, how long they took.
import Alert from "@cloudscape-design/components/alert";
import BarChart from "@cloudscape-design/components/bar-chart";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import LineChart from "@cloudscape-design/components/line-chart";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useMemo, useState } from "react";
import type { ExecutionListItem } from "../api/__generated__/states";
import { call } from "../api/call";
import { OUTCOMES, type Outcome, type Slot, percentile, sumsOf } from "../history/monitoring";
import { useNow } from "../live/use-now";
import { useRead } from "../live/use-read";
import { Problem } from "./problem";
import { executionWord } from "./status";
import { duration } from "./words";

/** How many executions are looked at, newest first. */
const MOST = 10_000;
const SLOTS = 30;
const HEIGHT = 220;

const RANGES = [
  { id: "3600", text: "1 hour" },
  { id: "10800", text: "3 hours" },
  { id: "43200", text: "12 hours" },
  { id: "86400", text: "1 day" },
  { id: "604800", text: "1 week" },
];

const COLORS: Record<Outcome, string> = {
  RUNNING: "var(--tone-running)", SUCCEEDED: "var(--tone-succeeded)", FAILED: "var(--tone-failed)",
  TIMED_OUT: "var(--tone-caught)", ABORTED: "var(--tone-aborted)",
};

export default function Monitoring({ stateMachineArn }: { stateMachineArn: string }) {
  const [range, setRange] = useState("10800");
  const seconds = Number(range);
  // The slots move on with the clock, and stand still between two looks.
  const step = seconds / SLOTS;
  const until = Math.ceil(useNow(true) / step) * step;
  const from = until - seconds;
  const list = useRead(
    `monitoring ${stateMachineArn} ${range}`,
    (signal) => newestFrom(stateMachineArn, from, signal),
    (change) => change.lists.includes(stateMachineArn),
  );
  const sums = useMemo(() => sumsOf(list.value?.lines ?? [], from, until, SLOTS), [list.value, from, until]);
  if (list.loading) return <Spinner size="large" />;
  const domain: [Date, Date] = [new Date(from * 1_000), new Date(until * 1_000)];
  const ended = sums.total - sums.counts.RUNNING;
  const rate = ended === 0 ? "–" : `${((sums.counts.SUCCEEDED / ended) * 100).toFixed(1)} %`;
  const long = (share: number) => duration(percentile(sums.durations, share));
  return (
    <SpaceBetween size="m">
      <Problem error={list.error} again={list.again} />
      {list.value?.more && <Alert type="info">Only the newest {MOST.toLocaleString()} executions are counted.</Alert>}
      <Container
        header={
          <Header
            variant="h2"
            description="By when they began"
            actions={<SegmentedControl label="Time range" selectedId={range} onChange={({ detail }) => setRange(detail.selectedId)} options={RANGES} />}
          >
            Executions
          </Header>
        }
      >
        <SpaceBetween size="m">
          <KeyValuePairs
            columns={4}
            items={[
              { label: "Begun", value: sums.total.toLocaleString() },
              { label: "Succeeded, of those that ended", value: rate },
              ...OUTCOMES.filter((one) => one !== "SUCCEEDED").map((one) => ({ label: executionWord(one), value: sums.counts[one].toLocaleString() })),
              { label: "Duration: half of them, at most", value: long(0.5) },
              { label: "Duration: 99 of 100, at most", value: long(0.99) },
            ]}
          />
          <BarChart
            stackedBars
            height={HEIGHT}
            hideFilter
            xScaleType="categorical"
            xTitle="Began at"
            yTitle="Executions"
            ariaLabel="Executions by their end"
            yDomain={[0, Math.max(1, ...sums.slots.map((slot) => OUTCOMES.reduce((sum, one) => sum + slot.counts[one], 0)))]}
            series={OUTCOMES.map((one) => ({
              type: "bar" as const,
              title: executionWord(one),
              color: COLORS[one],
              data: sums.slots.map((slot) => ({ x: clock(slot.from, seconds), y: slot.counts[one] })),
            }))}
            empty={<Box>No executions began in this time.</Box>}
          />
        </SpaceBetween>
      </Container>
      <Container header={<Header variant="h2" description="Of executions that have ended">Duration</Header>}>
        <LineChart
          height={HEIGHT}
          hideFilter
          xScaleType="time"
          xDomain={domain}
          xTitle="Began at"
          yTitle="Duration"
          ariaLabel="How long executions took"
          yDomain={[0, Math.max(0.001, sums.durations.at(-1) ?? 0)]}
          i18nStrings={{ yTickFormatter: duration, xTickFormatter: (date) => clock(date.getTime() / 1_000, seconds) }}
          series={[line("Half of them, at most", sums.slots, 0.5, "var(--tone-running)"), line("The longest", sums.slots, 1, "var(--tone-caught)")]}
          empty={<Box>No executions ended in this time.</Box>}
        />
      </Container>
    </SpaceBetween>
  );
}

function line(title: string, slots: Slot[], share: number, color: string) {
  const points = slots.filter((slot) => slot.durations.length > 0);
  return {
    type: "line" as const,
    title,
    color,
    valueFormatter: (value: number) => duration(value),
    data: points.map((slot) => ({ x: new Date(slot.from * 1_000), y: percentile(slot.durations, share) ?? 0 })),
  };
}

function clock(seconds: number, range: number): string {
  const options: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hour12: false };
  if (range > 86_400) Object.assign(options, { month: "short", day: "numeric" });
  return new Date(seconds * 1_000).toLocaleString(undefined, options);
}

/** Reads from the newest back to what began before `from`. */
async function newestFrom(stateMachineArn: string, from: number, signal: AbortSignal): Promise<{ lines: ExecutionListItem[]; more: boolean }> {
  const lines: ExecutionListItem[] = [];
  let nextToken: string | undefined;
  do {
    const page = await call("ListExecutions", { stateMachineArn, maxResults: 1_000, nextToken }, signal);
    lines.push(...page.executions);
    nextToken = (page.executions.at(-1)?.startDate ?? 0) < from ? undefined : page.nextToken;
  } while (nextToken !== undefined && lines.length < MOST);
  return { lines, more: nextToken !== undefined };
}
