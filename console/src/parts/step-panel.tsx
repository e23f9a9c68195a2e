// The selected state: what it got and gave, how it went, and what it is.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import Tabs from "@cloudscape-design/components/tabs";
import { to } from "../api/arn";
import type { Outline } from "../definition/outline";
import { detailsOf } from "../history/events";
import type { Story, Visit } from "../history/visit";
import { DataStages, hasStages } from "./data-stages";
import { Go } from "./go";
import { StateStatusMark } from "./status";
import { TestState } from "./test-state";
import { TextView } from "./text-view";
import { duration, moment } from "./words";

export interface StepPanelProps {
  outline: Outline;
  story: Story;
  /** The state's name. */
  name: string;
  visit?: Visit;
  /** All visits of the state that can be chosen. */
  visits: Visit[];
  now: number;
  onSelect: (visit: number) => void;
  /** The definition's text, for dry runs. */
  definition?: string;
  roleArn?: string;
  children?: React.ReactNode;
}

export function StepPanel({ outline, story, name, visit, visits, now, onSelect, definition, roleArn, children }: StepPanelProps) {
  const state = outline.state(name);
  const tabs = [
    ...(visit === undefined ? [] : [
      { id: "input", label: "Input", content: <Input visit={visit} /> },
      { id: "output", label: "Output", content: <Output visit={visit} story={story} definition={definition} /> },
      { id: "details", label: "Details", content: <Details visit={visit} now={now} story={story} /> },
    ]),
    { id: "definition", label: "Definition", content: <TextView value={state} label="definition" /> },
    ...(visit === undefined ? [] : [
      { id: "variables", label: "Variables", content: <TextView value={variables(visit)} label="variables" /> },
      { id: "retry", label: "Retries & redrives", content: <Attempts visit={visit} now={now} /> },
      { id: "events", label: "Events", content: <Events visit={visit} story={story} /> },
    ]),
    ...(definition === undefined ? [] : [{
      id: "test",
      label: "Test state",
      content: <TestState key={`${name} ${visit?.id}`} definition={definition} stateName={name} input={visit?.input} roleArn={roleArn} />,
    }]),
  ];
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={visit ? <StateStatusMark status={visit.status} /> : <StateStatusMark status="notStarted" />}
        >
          <bdi className="name">{name}</bdi>
        </Header>
      }
    >
      <SpaceBetween size="m">
        {visits.length > 1 && <Visits {...{ visits, visit, story, onSelect }} />}
        {visit?.error !== undefined && (
          <Alert type={visit.status === "caught" ? "warning" : "error"} header={<bdi>{visit.error}</bdi>}>
            {visit.cause !== undefined && <TextView value={visit.cause} label="cause" />}
          </Alert>
        )}
        {children}
        <Tabs tabs={tabs} variant="default" disableContentPaddings={false} />
      </SpaceBetween>
    </Container>
  );
}

function Visits({ visits, visit, story, onSelect }: Pick<StepPanelProps, "visits" | "visit" | "story" | "onSelect">) {
  const options = visits.slice(-2_000).map((one) => ({
    value: String(one.id),
    label: `${placeOf(one, story)}${moment(one.from)}`,
    description: `event ${one.id}`,
  }));
  return (
    <Select
      ariaLabel="Which visit of the state"
      filteringType="auto"
      virtualScroll
      options={options}
      selectedOption={options.find((one) => one.value === String(visit?.id)) ?? null}
      onChange={({ detail }) => onSelect(Number(detail.selectedOption.value))}
    />
  );
}

/** `#3 · ` for an iteration; those around it first. */
function placeOf(visit: Visit, story: Story): string {
  let place = "";
  for (let one: Visit | undefined = visit; one !== undefined; one = story.byId.get(one.parent ?? -1)) {
    const parent = story.byId.get(one.parent ?? -1);
    if (parent?.type === "Map") place = `${parent.name} #${one.index} · ${place}`;
  }
  return place;
}

function Output({ visit, story, definition }: { visit: Visit; story: Story; definition: string | undefined }) {
  return (
    <SpaceBetween size="s">
      <TextView value={visit.output} label="output" />
      {visit.result !== undefined && (
        <>
          <Box variant="h4">What the task answered</Box>
          <TextView value={visit.result} label="task result" />
        </>
      )}
      {definition !== undefined && hasStages(visit) && <DataStages key={visit.id} visit={visit} story={story} definition={definition} />}
    </SpaceBetween>
  );
}

function Input({ visit }: { visit: Visit }) {
  return (
    <SpaceBetween size="s">
      <TextView value={visit.input} label="state input" />
      {visit.parameters !== undefined && (
        <>
          <Box variant="h4">What the task was given</Box>
          <TextView value={visit.parameters} label="task input" />
        </>
      )}
    </SpaceBetween>
  );
}

function Details({ visit, now, story }: { visit: Visit; now: number; story: Story }) {
  const seconds = (value: number | undefined) => (value === undefined ? "–" : duration(value));
  const iterations = visit.type === "Map" ? iterationCounts(story, visit) : undefined;
  return (
    <KeyValuePairs
      columns={2}
      items={[
        { label: "Type", value: visit.type },
        { label: "Status", value: <StateStatusMark status={visit.status} /> },
        { label: "Started", value: moment(visit.from) },
        { label: "Ended", value: moment(visit.until) },
        { label: "Duration", value: duration((visit.until ?? now) - visit.from) },
        { label: "Resource", value: <span className="name">{visit.resource ?? "–"}</span> },
        { label: "Timeout", value: seconds(visit.timeoutSeconds) },
        { label: "Heartbeat", value: seconds(visit.heartbeatSeconds) },
        ...(visit.mapRunArn === undefined ? [] : [{ label: "Map Run", value: <Go to={to.mapRun(visit.mapRunArn)}>{visit.mapRunArn}</Go> }]),
        ...(iterations === undefined ? [] : [{ label: "Iterations", value: iterations }]),
        ...childOf(visit),
      ]}
    />
  );
}

function iterationCounts(story: Story, map: Visit): string {
  const seen = new Set(story.visits.filter((one) => one.parent === map.id).map((one) => one.index));
  return `${seen.size} begun of ${map.length ?? seen.size}`;
}

/** The execution that the state started, where it says so. */
function childOf(visit: Visit) {
  if (!visit.resource?.includes(":states:startExecution") || typeof visit.output !== "string") return [];
  const found = /"(arn:[^"]+:(?:execution|express):[^"]+)"/.exec(visit.output)?.[1];
  return found === undefined ? [] : [{ label: "Child execution", value: <Go to={to.execution(found)}>{found}</Go> }];
}

function variables(visit: Visit): Record<string, unknown> | undefined {
  if (visit.variables === undefined) return undefined;
  return Object.fromEntries(Object.entries(visit.variables).map(([name, text]) => {
    try {
      return [name, JSON.parse(text)];
    } catch {
      return [name, text];
    }
  }));
}

function Attempts({ visit, now }: { visit: Visit; now: number }) {
  return (
    <Table
      variant="embedded"
      items={visit.attempts}
      columnDefinitions={[
        { id: "kind", header: "Attempt", cell: (one) => (one.id === visit.attempts[0]?.id ? "First" : one.redriven ? "Redrive" : "Retry") },
        { id: "status", header: "Status", cell: (one) => one.status },
        { id: "from", header: "Started", cell: (one) => moment(one.from) },
        { id: "took", header: "Duration", cell: (one) => duration((one.until ?? now) - one.from) },
        { id: "error", header: "Error", cell: (one) => <bdi>{one.error ?? "–"}</bdi> },
      ]}
      empty="The state made no calls."
    />
  );
}

function Events({ visit, story }: { visit: Visit; story: Story }) {
  const own = new Set(visit.events);
  const events = story.events.filter((event) => own.has(event.id));
  return (
    <Table
      variant="embedded"
      items={events.slice(0, 500)}
      columnDefinitions={[
        { id: "id", header: "ID", cell: (event) => event.id, width: 70 },
        { id: "type", header: "Type", cell: (event) => event.type },
        { id: "error", header: "Error", cell: (event) => <bdi>{detailsOf(event).error ?? "–"}</bdi> },
        { id: "at", header: "Date", cell: (event) => moment(event.timestamp) },
      ]}
    />
  );
}
