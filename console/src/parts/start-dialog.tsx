// Starting an execution: a name, an input that is checked while it is typed, and what to start.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { Suspense, lazy, useState } from "react";
import { useNavigate } from "react-router";
import { lastOf, to } from "../api/arn";
import { call, said } from "../api/call";
import { useRead } from "../live/use-read";
import { parseJson } from "./words";

const CodeEditor = lazy(() => import("./code-editor"));

const SAMPLE = '{\n  "Comment": "Insert your JSON here"\n}';

export interface StartDialogProps {
  stateMachineArn: string;
  /** The input to begin with. */
  input?: string;
  onDismiss: () => void;
}

export function StartDialog({ stateMachineArn, input, onDismiss }: StartDialogProps) {
  const navigate = useNavigate();
  const [name, setName] = useState<string>(() => crypto.randomUUID());
  const [text, setText] = useState(input ?? SAMPLE);
  const [target, setTarget] = useState(stateMachineArn);
  const [newTab, setNewTab] = useState(false);
  const [failure, setFailure] = useState<string>();
  const [starting, setStarting] = useState(false);
  const targets = useTargets(stateMachineArn);
  const wrong = text.trim() === "" ? undefined : parseJson(text).error;
  const nameWrong = nameError(name);

  const start = async () => {
    setStarting(true);
    setFailure(undefined);
    try {
      const started = await call("StartExecution", {
        stateMachineArn: target,
        name: name === "" ? undefined : name,
        input: text.trim() === "" ? undefined : text,
      });
      const path = to.execution(started.executionArn);
      if (newTab) window.open(`/console${path}`, "_blank", "noopener");
      else void navigate(path);
      onDismiss();
    } catch (error) {
      setFailure(said(error));
    } finally {
      setStarting(false);
    }
  };

  return (
    <Modal
      visible
      size="large"
      header="Start execution"
      onDismiss={onDismiss}
      closeAriaLabel="Close"
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button onClick={onDismiss}>Cancel</Button>
            <Button variant="primary" loading={starting} disabled={wrong !== undefined || nameWrong !== undefined} onClick={() => void start()}>
              Start execution
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {failure !== undefined && <Alert type="error">{failure}</Alert>}
        <FormField label="Name" description="Names an execution of this machine for 90 days." errorText={nameWrong}>
          <Input value={name} onChange={({ detail }) => setName(detail.value)} />
        </FormField>
        {targets.length > 1 && (
          <FormField label="Version or alias">
            <Select
              options={targets}
              selectedOption={targets.find((one) => one.value === target) ?? null}
              onChange={({ detail }) => setTarget(detail.selectedOption.value ?? stateMachineArn)}
            />
          </FormField>
        )}
        <FormField label="Input" description="JSON" errorText={wrong} stretch>
          <Suspense fallback={<div style={{ height: 260 }} />}>
            <CodeEditor value={text} onChange={setText} label="Input" />
          </Suspense>
        </FormField>
        <SpaceBetween direction="horizontal" size="m">
          <Checkbox checked={newTab} onChange={({ detail }) => setNewTab(detail.checked)}>Open in a new tab</Checkbox>
          <Button
            variant="inline-link"
            disabled={wrong !== undefined || text.trim() === ""}
            onClick={() => setText(JSON.stringify(parseJson(text).value, null, 2))}
          >
            Format JSON
          </Button>
        </SpaceBetween>
      </SpaceBetween>
    </Modal>
  );
}

/** The machine itself, its versions and its aliases. */
function useTargets(stateMachineArn: string) {
  const read = useRead(
    `targets ${stateMachineArn}`,
    async (signal) => {
      const [versions, aliases] = await Promise.all([
        call("ListStateMachineVersions", { stateMachineArn }, signal),
        call("ListStateMachineAliases", { stateMachineArn }, signal),
      ]);
      return [
        ...aliases.stateMachineAliases.map(({ stateMachineAliasArn: value }) => ({ value, label: `Alias ${lastOf(value)}` })),
        ...versions.stateMachineVersions.map(({ stateMachineVersionArn: value }) => ({ value, label: `Version ${lastOf(value)}` })),
      ];
    },
    () => false,
  );
  return [{ value: stateMachineArn, label: "The machine as it is now" }, ...(read.value ?? [])];
}

function nameError(name: string): string | undefined {
  if (name.length > 80) return "A name has at most 80 characters.";
  return /[\s<>{}[\]?*"#%\\^|~`$&,;:/\u0000-\u001f\u007f-\u009f]/.test(name)
    ? "A name has no white space, control characters or any of < > { } [ ] ? * \" # % \\ ^ | ~ ` $ & , ; : /"
    : undefined;
}
