// One state machine: its executions, its definition with the graph.
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import Tabs from "@cloudscape-design/components/tabs";
import { Suspense, lazy, useMemo, useState } from "react";
import { useParams, useSearchParams } from "react-router";
import { call } from "../api/call";
import { readDefinition } from "../definition/outline";
import { useRead } from "../live/use-read";
import { ExecutionsTable } from "../parts/executions-table";
import { Problem } from "../parts/problem";
import { StartDialog } from "../parts/start-dialog";
import { moment } from "../parts/words";

const GraphView = lazy(() => import("../parts/graph-view"));
const CodeEditor = lazy(() => import("../parts/code-editor"));

export default function Machine() {
  const { arn = "" } = useParams();
  const [search, setSearch] = useSearchParams();
  const [starting, setStarting] = useState(false);
  const machine = useRead(
    `machine ${arn}`,
    (signal) => call("DescribeStateMachine", { stateMachineArn: arn }, signal),
    () => false,
  );
  const outline = useMemo(() => readDefinition(machine.value?.definition ?? ""), [machine.value?.definition]);
  if (machine.loading) return <Spinner size="large" />;
  const known = machine.value;
  if (known === undefined) return <Problem error={machine.error} again={machine.again} />;

  const start = () => setStarting(true);
  const startButton = <Button variant="primary" onClick={start}>Start execution</Button>;
  return (
    <ContentLayout
      header={<Header variant="h1" actions={startButton}><bdi className="name">{known.name}</bdi></Header>}
    >
      <SpaceBetween size="l">
        <Container header={<Header variant="h2">Details</Header>}>
          <KeyValuePairs
            columns={3}
            items={[
              { label: "ARN", value: <span className="name">{known.stateMachineArn}</span> },
              { label: "Role", value: <span className="name">{known.roleArn}</span> },
              { label: "Type", value: known.type === "EXPRESS" ? "Express" : "Standard" },
              { label: "Status", value: known.status === "DELETING" ? "Deleting" : "Active" },
              { label: "Creation date", value: moment(known.creationDate) },
              { label: "Comment", value: outline?.root.Comment ?? "–" },
            ]}
          />
        </Container>
        <Tabs
          activeTabId={search.get("tab") ?? "executions"}
          onChange={({ detail }) => setSearch({ tab: detail.activeTabId }, { replace: true })}
          tabs={[
            {
              id: "executions",
              label: "Executions",
              content: (
                <ExecutionsTable
                  of={{ stateMachineArn: arn }}
                  concerns={(change) => change.lists.includes(arn)}
                  actions={startButton}
                  onStart={start}
                />
              ),
            },
            {
              id: "definition",
              label: "Definition",
              content: (
                <div className="split">
                  <Suspense fallback={<Spinner />}>
                    <CodeEditor value={known.definition} label="Definition" readOnly height="640px" />
                  </Suspense>
                  <Suspense fallback={<Spinner />}>
                    {outline && <GraphView outline={outline} name={known.name} height="590px" />}
                  </Suspense>
                </div>
              ),
            },
          ]}
        />
      </SpaceBetween>
      {starting && <StartDialog stateMachineArn={arn} onDismiss={() => setStarting(false)} />}
    </ContentLayout>
  );
}
