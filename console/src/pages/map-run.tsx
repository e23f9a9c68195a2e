// A Map Run: its counts, its children, and the settings that can be changed while it goes on.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Modal from "@cloudscape-design/components/modal";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import Table from "@cloudscape-design/components/table";
import { useState } from "react";
import { useParams } from "react-router";
import type { DescribeMapRunOutput } from "../api/__generated__/states";
import { lastOf, to } from "../api/arn";
import { call, said } from "../api/call";
import { useNow } from "../live/use-now";
import { useRead } from "../live/use-read";
import { ExecutionsTable } from "../parts/executions-table";
import { Go } from "../parts/go";
import { Problem } from "../parts/problem";
import { ExecutionStatusMark } from "../parts/status";
import { duration, moment } from "../parts/words";

const COUNTED = ["pending", "running", "succeeded", "failed", "timedOut", "aborted", "total", "resultsWritten"] as const;
const HEADERS: Record<(typeof COUNTED)[number], string> = {
  pending: "Pending", running: "Running", succeeded: "Succeeded", failed: "Failed", timedOut: "Timed out", aborted: "Aborted",
  total: "Total", resultsWritten: "Results written",
};

interface CountsLine {
  what: string;
  counts: DescribeMapRunOutput["itemCounts"];
}

export default function MapRun() {
  const { arn = "" } = useParams();
  const [editing, setEditing] = useState(false);
  // `arn:…:mapRun:MACHINE/LABEL:ID`: children belong to `arn:…:stateMachine:MACHINE/LABEL`.
  const machine = arn.replace(":mapRun:", ":stateMachine:").split(":").slice(0, 7).join(":");
  const concerns = (change: { machines: string[] }) => change.machines.some((one) => one === machine || machine.startsWith(`${one}/`));
  const run = useRead(`map run ${arn}`, (signal) => call("DescribeMapRun", { mapRunArn: arn }, signal), concerns);
  const now = useNow(run.value?.status === "RUNNING");
  if (run.loading) return <Spinner size="large" />;
  const known = run.value;
  if (known === undefined) return <Problem error={run.error} again={run.again} />;
  const { itemCounts } = known;
  const ended = itemCounts.succeeded + itemCounts.failed + itemCounts.timedOut + itemCounts.aborted;
  return (
    <ContentLayout
      header={
        <Header variant="h1" actions={<Button disabled={known.status !== "RUNNING"} onClick={() => setEditing(true)}>Edit</Button>}>
          Map Run: <bdi className="name">{lastOf(arn)}</bdi>
        </Header>
      }
    >
      <SpaceBetween size="l">
        <Container header={<Header variant="h2">Details</Header>}>
          <SpaceBetween size="m">
            <KeyValuePairs
              columns={4}
              items={[
                { label: "Status", value: <ExecutionStatusMark status={known.status} /> },
                { label: "Start time", value: moment(known.startDate) },
                { label: "End time", value: moment(known.stopDate) },
                { label: "Duration", value: duration((known.stopDate ?? now) - known.startDate) },
                { label: "Maximum concurrency", value: known.maxConcurrency === 0 ? "No limit" : String(known.maxConcurrency) },
                { label: "Tolerated failures", value: `${known.toleratedFailureCount} items, ${known.toleratedFailurePercentage} %` },
                { label: "Redrives", value: String(known.redriveCount ?? 0) },
                { label: "Parent execution", value: <Go to={to.execution(known.executionArn)}>{lastOf(known.executionArn)}</Go> },
                { label: "ARN", value: <span className="name">{arn}</span> },
              ]}
            />
            <ProgressBar
              label="Items processed"
              value={itemCounts.total === 0 ? 0 : (ended / itemCounts.total) * 100}
              additionalInfo={`${ended.toLocaleString()} of ${itemCounts.total.toLocaleString()}`}
            />
          </SpaceBetween>
        </Container>
        <Table
          header={<Header variant="h2">Counts</Header>}
          items={[{ what: "Items", counts: known.itemCounts }, { what: "Child executions", counts: known.executionCounts }] as CountsLine[]}
          columnDefinitions={[
            { id: "what", header: "", isRowHeader: true, cell: (line) => line.what },
            ...COUNTED.map((name) => ({
              id: name,
              header: HEADERS[name],
              cell: (line: CountsLine) => line.counts[name].toLocaleString(),
            })),
          ]}
        />
        <ExecutionsTable of={{ mapRunArn: arn }} concerns={concerns} />
      </SpaceBetween>
      {editing && <EditDialog run={known} onDismiss={() => setEditing(false)} onDone={run.again} />}
    </ContentLayout>
  );
}

function EditDialog({ run, onDismiss, onDone }: { run: DescribeMapRunOutput; onDismiss: () => void; onDone: () => void }) {
  const [values, setValues] = useState({
    maxConcurrency: String(run.maxConcurrency),
    toleratedFailureCount: String(run.toleratedFailureCount),
    toleratedFailurePercentage: String(run.toleratedFailurePercentage),
  });
  const [failure, setFailure] = useState<string>();
  const fields: [keyof typeof values, string][] = [
    ["maxConcurrency", "Maximum concurrency (0: no limit)"],
    ["toleratedFailureCount", "Tolerated failures, items"],
    ["toleratedFailurePercentage", "Tolerated failures, percent"],
  ];
  const wrong = (text: string) => (/^\d+(\.\d+)?$/.test(text) ? undefined : "A number is needed.");
  const save = async () => {
    const changed = fields.filter(([name]) => values[name] !== String(run[name]));
    try {
      await call("UpdateMapRun", { mapRunArn: run.mapRunArn, ...Object.fromEntries(changed.map(([name]) => [name, Number(values[name])])) });
      onDone();
      onDismiss();
    } catch (error) {
      setFailure(said(error));
    }
  };
  return (
    <Modal
      visible
      header="Edit the Map Run"
      closeAriaLabel="Close"
      onDismiss={onDismiss}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button onClick={onDismiss}>Cancel</Button>
            <Button variant="primary" disabled={fields.some(([name]) => wrong(values[name]))} onClick={() => void save()}>Save</Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {failure !== undefined && <Alert type="error">{failure}</Alert>}
        <ColumnLayout columns={1}>
          {fields.map(([name, label]) => (
            <FormField key={name} label={label} errorText={wrong(values[name])}>
              <Input value={values[name]} inputMode="decimal" onChange={({ detail }) => setValues({ ...values, [name]: detail.value })} />
            </FormField>
          ))}
        </ColumnLayout>
      </SpaceBetween>
    </Modal>
  );
}
