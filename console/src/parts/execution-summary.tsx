// What an execution is: details, what went in and came out, and its definition.
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Tabs from "@cloudscape-design/components/tabs";
import type { DescribeExecutionOutput, DescribeStateMachineForExecutionOutput } from "../api/__generated__/states";
import { lastOf, machineNameOf, to } from "../api/arn";
import { Go } from "./go";
import { ExecutionStatusMark } from "./status";
import { TextView } from "./text-view";
import { duration, moment } from "./words";

interface ExecutionSummaryProps {
  execution: DescribeExecutionOutput;
  machine: DescribeStateMachineForExecutionOutput | undefined;
  transitions: number;
  now: number;
}

export function ExecutionSummary({ execution, machine, transitions, now }: ExecutionSummaryProps) {
  const qualified = execution.stateMachineAliasArn ?? execution.stateMachineVersionArn;
  const machineArn = execution.stateMachineArn.split("/")[0] ?? execution.stateMachineArn;
  const details = (
    <KeyValuePairs
      columns={4}
      items={[
        { label: "Execution status", value: <ExecutionStatusMark status={execution.status} /> },
        { label: "Start time", value: moment(execution.startDate) },
        { label: "End time", value: moment(execution.stopDate) },
        { label: "Duration", value: duration((execution.stopDate ?? now) - execution.startDate) },
        { label: "State machine", value: <Go to={to.machine(machineArn)}>{machineNameOf(machineArn)}</Go> },
        { label: "State transitions", value: String(transitions) },
        { label: "Redrives", value: String(execution.redriveCount ?? 0) },
        { label: "Version or alias", value: qualified === undefined ? "–" : lastOf(qualified) },
        { label: "Execution ARN", value: <span className="name">{execution.executionArn}</span> },
        ...(execution.mapRunArn === undefined ? [] : [{ label: "Map Run", value: <Go to={to.mapRun(execution.mapRunArn)}>{execution.mapRunArn}</Go> }]),
        ...(execution.redriveDate === undefined ? [] : [{ label: "Last redrive", value: moment(execution.redriveDate) }]),
        ...(execution.traceHeader === undefined ? [] : [{ label: "Trace header", value: <span className="name">{execution.traceHeader}</span> }]),
      ]}
    />
  );
  const data = (
    <ColumnLayout columns={2}>
      <FormField label="Input" stretch><TextView value={execution.input} label="execution input" /></FormField>
      <FormField label="Output" stretch><TextView value={execution.output} label="execution output" /></FormField>
    </ColumnLayout>
  );
  return (
    <Container>
      <Tabs
        tabs={[
          { id: "details", label: "Details", content: details },
          { id: "data", label: "Execution input and output", content: data },
          { id: "definition", label: "Definition", content: <TextView value={machine?.definition} label="definition" /> },
        ]}
      />
    </Container>
  );
}
