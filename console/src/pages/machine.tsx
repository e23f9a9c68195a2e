// One state machine: its executions, its definition with the graph, versions, aliases, logging, tags.
import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import Tabs from "@cloudscape-design/components/tabs";
import { Suspense, lazy, useMemo, useState } from "react";
import { useNavigate, useParams, useSearchParams } from "react-router";
import { to } from "../api/arn";
import { call } from "../api/call";
import { readDefinition } from "../definition/outline";
import { useRead } from "../live/use-read";
import { Confirm } from "../parts/execution-actions";
import { ExecutionsTable } from "../parts/executions-table";
import { Aliases } from "../parts/machine-aliases";
import { EXPORTS, type ExportKind, exportMachine } from "../parts/machine-export";
import { Logging } from "../parts/machine-logging";
import { Tags } from "../parts/machine-tags";
import { Versions } from "../parts/machine-versions";
import { Problem } from "../parts/problem";
import { StartDialog } from "../parts/start-dialog";
import { moment } from "../parts/words";

const GraphView = lazy(() => import("../parts/graph-view"));
const Monitoring = lazy(() => import("../parts/machine-monitoring"));
const CodeEditor = lazy(() => import("../parts/code-editor"));

export default function Machine() {
  const { arn = "" } = useParams();
  const [search, setSearch] = useSearchParams();
  const [starting, setStarting] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const navigate = useNavigate();
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
  const actions = (
    <SpaceBetween direction="horizontal" size="xs">
      <ButtonDropdown
        items={[
          { id: "copy", text: "Copy to new" },
          { id: "export", text: "Export", items: EXPORTS.map((one) => ({ ...one })) },
          { id: "delete", text: "Delete" },
        ]}
        onItemClick={({ detail }) => {
          if (detail.id === "copy") void navigate(`/studio?from=${encodeURIComponent(arn)}`);
          else if (detail.id === "delete") setDeleting(true);
          else exportMachine(known, detail.id as ExportKind).then(() => setFailure(undefined), setFailure);
        }}
      >
        Actions
      </ButtonDropdown>
      <Button onClick={() => void navigate(to.studio(arn))}>Edit</Button>
      {startButton}
    </SpaceBetween>
  );
  return (
    <ContentLayout
      header={<Header variant="h1" actions={actions}><bdi className="name">{known.name}</bdi></Header>}
    >
      <SpaceBetween size="l">
        <Problem error={failure ?? machine.error} again={machine.again} />
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
              id: "monitoring",
              label: "Monitoring",
              content: (
                <Suspense fallback={<Spinner />}>
                  <Monitoring stateMachineArn={arn} />
                </Suspense>
              ),
            },
            { id: "logging", label: "Logging", content: <Logging machine={known} again={machine.again} /> },
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
            { id: "aliases", label: "Aliases", content: <Aliases stateMachineArn={arn} /> },
            { id: "versions", label: "Versions", content: <Versions stateMachineArn={arn} /> },
            { id: "tags", label: "Tags", content: <Tags stateMachineArn={arn} /> },
          ]}
        />
      </SpaceBetween>
      {deleting && (
        <Confirm
          header="Delete the state machine?"
          word="Delete"
          act={() => call("DeleteStateMachine", { stateMachineArn: arn })}
          onDismiss={() => setDeleting(false)}
          onDone={() => void navigate("/machines")}
        >
          <bdi>{known.name}</bdi> takes no new executions, and ends those that run at their next step.
        </Confirm>
      )}
      {starting && <StartDialog stateMachineArn={arn} onDismiss={() => setStarting(false)} />}
    </ContentLayout>
  );
}
