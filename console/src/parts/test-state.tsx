// A dry run of one state: an input, a stand-in for what it would call, and each stage of its data.
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { Suspense, lazy, useState } from "react";
import type { TestStateOutput } from "../api/__generated__/states";
import { call, said } from "../api/call";
import { TextView } from "./text-view";
import { parseJson, pretty } from "./words";

const CodeEditor = lazy(() => import("./code-editor"));

interface TestStateProps {
  /** The whole definition, and which of its states. */
  definition: string;
  stateName: string;
  input?: unknown;
  roleArn?: string;
}

export function TestState({ definition, stateName, input, roleArn }: TestStateProps) {
  const [given, setGiven] = useState(() => pretty(input) || "{}");
  const [result, setResult] = useState("");
  const [error, setError] = useState("");
  const [output, setOutput] = useState<TestStateOutput>();
  const [failure, setFailure] = useState<string>();
  const [running, setRunning] = useState(false);
  const wrong = parseJson(given).error;
  const wrongResult = result === "" ? undefined : parseJson(result).error;

  const run = async () => {
    setRunning(true);
    setFailure(undefined);
    setOutput(undefined);
    const mock = error !== "" ? { errorOutput: { error, cause: "A stand-in" } } : result !== "" ? { result } : undefined;
    try {
      setOutput(await call("TestState", { definition, stateName, input: given, inspectionLevel: "DEBUG", roleArn: mock === undefined ? roleArn : undefined, mock }));
    } catch (problem) {
      setFailure(said(problem));
    } finally {
      setRunning(false);
    }
  };
  const stages = Object.entries(output?.inspectionData ?? {}).filter(([, value]) => typeof value === "string");
  return (
    <SpaceBetween size="s">
      <FormField label="State input" errorText={wrong} stretch>
        <Suspense fallback={null}><CodeEditor value={given} onChange={setGiven} label="State input" height="120px" /></Suspense>
      </FormField>
      <FormField label="What its call answers" description="JSON; empty: the call is made" errorText={wrongResult} stretch>
        <Suspense fallback={null}><CodeEditor value={result} onChange={setResult} label="What its call answers" height="90px" /></Suspense>
      </FormField>
      <FormField label="Or fails with" description="The error's name">
        <Input value={error} onChange={({ detail }) => setError(detail.value)} />
      </FormField>
      <Button variant="primary" loading={running} disabled={wrong !== undefined || wrongResult !== undefined} onClick={() => void run()}>Run this state</Button>
      {failure !== undefined && <Alert type="error">{failure}</Alert>}
      {output !== undefined && (
        <SpaceBetween size="s">
          <KeyValuePairs
            columns={2}
            items={[
              { label: "Status", value: output.status ?? "–" },
              { label: "Next state", value: <bdi>{output.nextState ?? "–"}</bdi> },
              ...(output.error === undefined ? [] : [{ label: "Error", value: <bdi>{output.error}</bdi> }]),
              ...(output.cause === undefined ? [] : [{ label: "Cause", value: <bdi>{output.cause}</bdi> }]),
            ]}
          />
          {output.output !== undefined && <FormField label="Output" stretch><TextView value={output.output} label="output" /></FormField>}
          {stages.map(([name, value]) => (
            <FormField key={name} label={stageName(name)} stretch><TextView value={value} label={name} /></FormField>
          ))}
        </SpaceBetween>
      )}
    </SpaceBetween>
  );
}

/** `afterInputPath` → `After InputPath`. */
function stageName(name: string): string {
  return name.replace(/^after/, "After ").replace(/^./, (letter) => letter.toUpperCase());
}
