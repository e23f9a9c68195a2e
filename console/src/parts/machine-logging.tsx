// What is logged of a machine's executions, and where.
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import type { DescribeStateMachineOutput, LogLevel } from "../api/__generated__/states";
import { call } from "../api/call";
import { Confirm } from "./execution-actions";

const LEVELS: { value: LogLevel; label: string }[] = [
  { value: "OFF", label: "Off" },
  { value: "FATAL", label: "Fatal: executions that fail" },
  { value: "ERROR", label: "Error: what fails, also if it is caught" },
  { value: "ALL", label: "All events" },
];

export function Logging({ machine, again }: { machine: DescribeStateMachineOutput; again: () => void }) {
  const [editing, setEditing] = useState(false);
  const { loggingConfiguration: logging, tracingConfiguration: tracing } = machine;
  const places = groupsOf(machine).join(", ");
  return (
    <Container header={<Header variant="h2" actions={<Button onClick={() => setEditing(true)}>Edit logging</Button>}>Logging</Header>}>
      <KeyValuePairs
        columns={2}
        items={[
          { label: "Log level", value: logging?.level ?? "OFF" },
          { label: "Execution data", value: logging?.includeExecutionData ? "Included" : "Not included" },
          { label: "Log groups", value: <span className="name">{places || "–"}</span> },
          { label: "Tracing", value: tracing?.enabled ? "Enabled" : "Not enabled" },
        ]}
      />
      {editing && <LoggingDialog machine={machine} onDismiss={() => setEditing(false)} onDone={again} />}
    </Container>
  );
}

function groupsOf(machine: DescribeStateMachineOutput): string[] {
  const places = machine.loggingConfiguration?.destinations ?? [];
  return places.map((one) => one.cloudWatchLogsLogGroup?.logGroupArn).filter((arn) => arn !== undefined);
}

function LoggingDialog({ machine, onDismiss, onDone }: { machine: DescribeStateMachineOutput; onDismiss: () => void; onDone: () => void }) {
  const { loggingConfiguration: logging, stateMachineArn } = machine;
  const [level, setLevel] = useState<LogLevel>(logging?.level ?? "OFF");
  const [included, setIncluded] = useState(logging?.includeExecutionData ?? false);
  const [group, setGroup] = useState(groupsOf(machine)[0] ?? suggested(machine));
  const act = () =>
    call("UpdateStateMachine", {
      stateMachineArn,
      loggingConfiguration: {
        level,
        includeExecutionData: included,
        destinations: level === "OFF" ? [] : [{ cloudWatchLogsLogGroup: { logGroupArn: group } }],
      },
    });
  return (
    <Confirm header="Edit logging" word="Save" act={act} onDismiss={onDismiss} onDone={onDone}>
      <SpaceBetween size="s">
        <FormField label="Log level">
          <Select
            options={LEVELS}
            selectedOption={LEVELS.find((one) => one.value === level) ?? null}
            onChange={({ detail }) => setLevel(detail.selectedOption.value as LogLevel)}
          />
        </FormField>
        {level !== "OFF" && (
          <>
            <FormField label="Log group (ARN)" description="It must be there, and its ARN ends with :*">
              <Input value={group} onChange={({ detail }) => setGroup(detail.value)} />
            </FormField>
            <Checkbox checked={included} onChange={({ detail }) => setIncluded(detail.checked)}>Include the data of executions</Checkbox>
          </>
        )}
      </SpaceBetween>
    </Confirm>
  );
}

/** The group that AWS's console makes up. */
function suggested(machine: DescribeStateMachineOutput): string {
  const [, partition, , region, account] = machine.stateMachineArn.split(":");
  return `arn:${partition}:logs:${region}:${account}:log-group:/aws/vendedlogs/states/${machine.name}-Logs:*`;
}
