// What can be done with an execution: stop it, redrive it, start another like it, keep its history.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import type { DescribeExecutionOutput, HistoryEvent } from "../api/__generated__/states";
import { call, said } from "../api/call";
import { StartDialog } from "./start-dialog";
import { download, pretty } from "./words";

interface ExecutionActionsProps {
  execution: DescribeExecutionOutput;
  events: HistoryEvent[];
  again: () => void;
}

type Dialog = "stop" | "redrive" | "start";

export function ExecutionActions({ execution, events, again }: ExecutionActionsProps) {
  const [dialog, setDialog] = useState<Dialog>();
  const close = () => setDialog(undefined);
  const { executionArn, status, redriveStatus } = execution;
  const isExpress = executionArn.split(":")[5] === "express";
  const keep = () => {
    const text = JSON.stringify({ events }, null, 2);
    download(`${execution.name ?? "execution"}.json`, new Blob([text], { type: "application/json" }));
  };
  return (
    <SpaceBetween direction="horizontal" size="xs">
      <Button disabled={status !== "RUNNING" || isExpress} onClick={() => setDialog("stop")}>Stop execution</Button>
      <Button disabled={redriveStatus !== "REDRIVABLE"} disabledReason={execution.redriveStatusReason} onClick={() => setDialog("redrive")}>Redrive</Button>
      <Button onClick={keep}>Export</Button>
      <Button variant="primary" onClick={() => setDialog("start")}>New execution</Button>
      {dialog === "stop" && <StopDialog executionArn={executionArn} onDismiss={close} onDone={again} />}
      {dialog === "redrive" && (
        <Confirm
          header="Redrive the execution?"
          word="Redrive"
          act={() => call("RedriveExecution", { executionArn })}
          onDismiss={close}
          onDone={again}
        >
          It goes on where it failed, with the definition and the input that it had. What succeeded is not done again.
        </Confirm>
      )}
      {dialog === "start" && (
        <StartDialog stateMachineArn={execution.stateMachineArn} input={pretty(execution.input)} onDismiss={close} />
      )}
    </SpaceBetween>
  );
}

function StopDialog({ executionArn, onDismiss, onDone }: { executionArn: string; onDismiss: () => void; onDone: () => void }) {
  const [error, setError] = useState("");
  const [cause, setCause] = useState("");
  const act = () => call("StopExecution", { executionArn, error: error || undefined, cause: cause || undefined });
  return (
    <Confirm header="Stop the execution?" word="Stop execution" act={act} onDismiss={onDismiss} onDone={onDone}>
      <SpaceBetween size="s">
        <FormField label="Error" description="A short name, if there is a reason to keep">
          <Input value={error} onChange={({ detail }) => setError(detail.value)} />
        </FormField>
        <FormField label="Cause">
          <Input value={cause} onChange={({ detail }) => setCause(detail.value)} />
        </FormField>
      </SpaceBetween>
    </Confirm>
  );
}

interface ConfirmProps {
  header: string;
  word: string;
  act: () => Promise<unknown>;
  onDismiss: () => void;
  onDone: () => void;
  children: React.ReactNode;
}

/** A question before something is done, and why it could not be. */
export function Confirm({ header, word, act, onDismiss, onDone, children }: ConfirmProps) {
  const [failure, setFailure] = useState<string>();
  const [acting, setActing] = useState(false);
  const carryOut = async () => {
    setActing(true);
    try {
      await act();
      onDone();
      onDismiss();
    } catch (error) {
      setFailure(said(error));
      setActing(false);
    }
  };
  return (
    <Modal
      visible
      header={header}
      closeAriaLabel="Close"
      onDismiss={onDismiss}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button onClick={onDismiss}>Cancel</Button>
            <Button variant="primary" loading={acting} onClick={() => void carryOut()}>{word}</Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {failure !== undefined && <Alert type="error">{failure}</Alert>}
        {children}
      </SpaceBetween>
    </Modal>
  );
}
