// One execution: what it is, how far it is, and each of its states. Live.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { Suspense, lazy, useMemo, useState } from "react";
import { useParams, useSearchParams } from "react-router";
import type { HistoryEvent } from "../api/__generated__/states";
import { call } from "../api/call";
import { Outline, readDefinition } from "../definition/outline";
import { Folder } from "../history/fold";
import { type Chosen, chosenVisits, statusOfAll } from "../history/status";
import type { Story } from "../history/visit";
import { useHistory } from "../live/history";
import { useNow } from "../live/use-now";
import { useRead } from "../live/use-read";
import { EventsTable } from "../parts/events-table";
import { ExecutionActions } from "../parts/execution-actions";
import { ExecutionSummary } from "../parts/execution-summary";
import { IterationChooser } from "../parts/iteration-chooser";
import { Problem } from "../parts/problem";
import { StatesTable } from "../parts/states-table";
import { StepPanel } from "../parts/step-panel";
import { WaitingTask } from "../parts/waiting-task";
import { TextView } from "../parts/text-view";

const GraphView = lazy(() => import("../parts/graph-view"));

const NOTHING = new Outline({});
const NO_EVENTS: HistoryEvent[] = [];

export default function Execution() {
  const { arn = "" } = useParams();
  const execution = useRead(
    `execution ${arn}`,
    (signal) => call("DescribeExecution", { executionArn: arn }, signal),
    (change) => arn in change.executions,
  );
  const machine = useRead(
    `machine of ${arn}`,
    (signal) => call("DescribeStateMachineForExecution", { executionArn: arn }, signal),
    () => false,
  );
  const history = useHistory(arn);
  const outline = useMemo(() => readDefinition(machine.value?.definition ?? "") ?? NOTHING, [machine.value?.definition]);
  const [folder] = useState(() => new Folder());
  const story = folder.fold(history.value ?? NO_EVENTS, outline);

  const [search, setSearch] = useSearchParams();
  const [chosen, setChosen] = useState<Chosen>({});
  const statuses = useMemo(() => statusOfAll(outline, story, chosen), [outline, story, chosen]);
  const shown = useMemo(() => chosenVisits(story, chosen), [story, chosen]);
  const now = useNow(execution.value?.status === "RUNNING");

  if (execution.loading) return <Spinner size="large" />;
  const known = execution.value;
  if (known === undefined) return <Problem error={execution.error} again={execution.again} />;

  // What is selected is in the address: a visit of a state, or a state without one.
  const named = search.get("state") ?? undefined;
  const visit = story.byId.get(Number(search.get("step") ?? -1)) ?? shown.findLast((one) => one.name === named);
  const name = visit?.name ?? named;
  const isKnown = name !== undefined && outline.state(name) !== undefined;
  const select = (changes: Record<string, string | undefined>) => {
    const next = new URLSearchParams(search);
    for (const [key, value] of Object.entries(changes)) {
      if (value === undefined) next.delete(key);
      else next.set(key, value);
    }
    setSearch(next, { replace: true });
  };
  const selectVisit = (id: number) => select({ step: String(id), state: undefined });
  const selectState = (state: string | undefined) => {
    const last = state === undefined ? undefined : shown.findLast((one) => one.name === state);
    if (last !== undefined) selectVisit(last.id);
    else select({ step: undefined, state });
  };
  const view = search.get("view") ?? "graph";
  const until = known.stopDate ?? now;

  return (
    <ContentLayout
      header={
        <Header variant="h1" actions={<ExecutionActions execution={known} events={history.value ?? []} again={execution.again} />}>
          <bdi className="name">{known.name ?? arn}</bdi>
        </Header>
      }
    >
      <SpaceBetween size="l">
        <Problem error={history.error} again={history.again} />
        {(known.error !== undefined || known.cause !== undefined) && (
          <Alert
            type="error"
            header={<bdi>{known.error ?? "The execution failed"}</bdi>}
            action={<FailedStep story={story} onSelect={selectVisit} />}
          >
            {known.cause !== undefined && <TextView value={known.cause} label="cause" />}
          </Alert>
        )}
        <ExecutionSummary execution={known} machine={machine.value} transitions={story.transitions} now={now} />
        <div className={view === "table" ? "stack" : "split"}>
          <Container
            header={
              <Header
                variant="h2"
                actions={
                  <SegmentedControl
                    label="View"
                    selectedId={view}
                    onChange={({ detail }) => select({ view: detail.selectedId })}
                    options={[{ id: "graph", text: "Graph view" }, { id: "table", text: "Table view" }]}
                  />
                }
              >
                States
              </Header>
            }
          >
            <SpaceBetween size="s">
              {view === "graph" && <IterationChooser story={story} outline={outline} chosen={chosen} onChange={setChosen} />}
              {view === "table" ? (
                <StatesTable story={story} from={known.startDate} until={until} selected={visit?.id} onSelect={selectVisit} />
              ) : (
                <Suspense fallback={<Spinner size="large" />}>
                  {outline !== NOTHING && (
                    <GraphView outline={outline} statuses={statuses} selected={name} onSelect={selectState} name={known.name ?? "execution"} />
                  )}
                </Suspense>
              )}
            </SpaceBetween>
          </Container>
          {isKnown ? (
            <StepPanel
              outline={outline}
              story={story}
              name={name}
              visit={visit}
              visits={shown.filter((one) => one.name === name)}
              now={until}
              onSelect={selectVisit}
              definition={machine.value?.definition}
              roleArn={machine.value?.roleArn}
            >
              {visit !== undefined && <WaitingTask executionArn={arn} visit={visit} now={now} outline={outline} />}
            </StepPanel>
          ) : (
            <Container header={<Header variant="h2">Step details</Header>}>
              <Box color="text-body-secondary">Select a state to see its input, its output and how it went.</Box>
            </Container>
          )}
        </div>
        <EventsTable story={story} selected={visit?.id} onSelect={selectVisit} />
      </SpaceBetween>
    </ContentLayout>
  );
}

function FailedStep({ story, onSelect }: { story: Story; onSelect: (visit: number) => void }) {
  const failed = story.visits.findLast((visit) => visit.status === "failed");
  return failed && <Button onClick={() => onSelect(failed.id)}>View step details</Button>;
}
