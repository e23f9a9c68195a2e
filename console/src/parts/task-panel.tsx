// One task that waits: what it asks, since when, until when, and the ways to answer it.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo, useState } from "react";
import { lastOf, machineNameOf, to } from "../api/arn";
import { call, said } from "../api/call";
import { type Task, answer, answerLink, claim } from "../api/tasks";
import { formOf } from "../definition/form";
import { Outline, readDefinition } from "../definition/outline";
import { useRead } from "../live/use-read";
import { AnswerForm } from "./answer-form";
import { Go } from "./go";
import { TextView } from "./text-view";
import { duration, moment } from "./words";

export interface TaskPanelProps {
  task: Task;
  now: number;
  /** Who is signed in, as an ARN. */
  me?: string;
  /** The definition, where it is known already. */
  outline?: Outline;
  onAnswered?: () => void;
  onChanged?: () => void;
}

const NOTHING = new Outline({});

export function TaskPanel({ task, now, me, outline: known, onAnswered, onChanged }: TaskPanelProps) {
  const { executionArn } = task;
  const machine = useRead(
    `definition of ${executionArn} ${known === undefined}`,
    async (signal) => (known === undefined ? (await call("DescribeStateMachineForExecution", { executionArn }, signal)).definition : undefined),
    () => false,
  );
  const outline = useMemo(() => known ?? readDefinition(machine.value ?? "") ?? NOTHING, [known, machine.value]);
  const form = useMemo(() => formOf(outline, task.stateName), [outline, task.stateName]);
  const [failure, setFailure] = useState<string>();
  const others = task.claim !== undefined && task.claim.by !== me;
  const attempt = (act: () => Promise<unknown>) => {
    setFailure(undefined);
    act().then(() => onChanged?.(), (error: unknown) => setFailure(said(error)));
  };
  return (
    <SpaceBetween size="m">
      {failure !== undefined && <Alert type="error">{failure}</Alert>}
      {form.title !== undefined && <Box variant="h3"><bdi>{form.title}</bdi></Box>}
      {form.about !== undefined && <Box><bdi>{form.about}</bdi></Box>}
      <KeyValuePairs
        columns={2}
        items={[
          { label: "State machine", value: <Go to={to.machine(task.stateMachineArn.split("/")[0] ?? "")}>{machineNameOf(task.stateMachineArn)}</Go> },
          { label: "Execution", value: <Go to={`${to.execution(executionArn)}?state=${encodeURIComponent(task.stateName)}`}>{lastOf(executionArn)}</Go> },
          { label: "Waits since", value: `${moment(task.scheduledDate)} (${duration(now - task.scheduledDate)})` },
          { label: "Until", value: task.timeoutDate === undefined ? "No deadline" : `${moment(task.timeoutDate)} (${duration(task.timeoutDate - now)} left)` },
          ...(task.heartbeatDate === undefined ? [] : [{ label: "Next heartbeat due", value: `${moment(task.heartbeatDate)} (${duration(task.heartbeatDate - now)} left)` }]),
          { label: "Taken by", value: task.claim === undefined ? "Nobody" : `${task.claim.by === me ? "You" : task.claim.by}, ${moment(task.claim.at / 1_000)}` },
          ...(form.assignees.length === 0 ? [] : [{ label: "For", value: <bdi>{form.assignees.join(", ")}</bdi> }]),
        ]}
      />
      <TextView value={task.parameters} label="question" />
      {others && <Alert type="warning">{task.claim?.by} has taken this. An answer of yours counts all the same, if it comes first.</Alert>}
      {task.stage === "CALLING" && <Alert type="info">Its call is still on the way.</Alert>}
      <AnswerForm
        key={task.taskToken}
        form={form}
        onAnswer={async (given) => {
          await answer(task, given);
          onAnswered?.();
        }}
      />
      <SpaceBetween direction="horizontal" size="xs">
        <Button onClick={() => attempt(() => claim(task, task.claim?.by !== me))}>{task.claim?.by === me && me !== undefined ? "Let go" : "Take it"}</Button>
        {task.heartbeatSeconds !== undefined && (
          <Button onClick={() => attempt(() => call("SendTaskHeartbeat", { taskToken: task.taskToken }))}>Send heartbeat</Button>
        )}
      </SpaceBetween>
      <Elsewhere task={task} />
    </SpaceBetween>
  );
}

/** Ways to answer from somewhere else. */
function Elsewhere({ task }: { task: Task }) {
  const [link, setLink] = useState<string>();
  const [failure, setFailure] = useState<string>();
  const command = `aws stepfunctions send-task-success --task-token '${task.taskToken}' --task-output '{}'`;
  return (
    <ExpandableSection headerText="Answer from somewhere else">
      <SpaceBetween size="s">
        {failure !== undefined && <Alert type="error">{failure}</Alert>}
        {link === undefined ? (
          <Button onClick={() => void answerLink(task).then(setLink, (error: unknown) => setFailure(said(error)))}>Make an answer link</Button>
        ) : (
          <CopyToClipboard variant="inline" copyButtonAriaLabel="Copy the link" copySuccessText="Copied" copyErrorText="Not copied" textToCopy={link} />
        )}
        <Box color="text-body-secondary">Whoever has the link can answer this task, once, as you.</Box>
        <TextView value={command} label="command" />
      </SpaceBetween>
    </ExpandableSection>
  );
}
