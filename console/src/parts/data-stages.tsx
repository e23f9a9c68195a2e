// Each stage of a state's data, worked out again by the server from what was recorded: its input and what its call answered.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useState } from "react";
import type { TestStateOutput } from "../api/__generated__/states";
import { call, said } from "../api/call";
import type { Story, Visit } from "../history/visit";
import { TextView } from "./text-view";

/** In the order in which data goes through a state. */
const STAGES = [
  ["input", "State input"],
  ["afterInputPath", "After InputPath"],
  ["afterParameters", "After Parameters"],
  ["afterArguments", "After Arguments"],
  ["result", "Result"],
  ["afterResultSelector", "After ResultSelector"],
  ["afterResultPath", "After ResultPath"],
] as const;

interface DataStagesProps {
  visit: Visit;
  story: Story;
  definition: string;
}

export function DataStages({ visit, story, definition }: DataStagesProps) {
  const [output, setOutput] = useState<TestStateOutput>();
  const [failure, setFailure] = useState<string>();
  const begin = async () => {
    if (output !== undefined) return;
    setFailure(undefined);
    const begun = story.events[0];
    const execution = { Input: parsed(begun?.executionStartedEventDetails?.input) };
    try {
      setOutput(await call("TestState", {
        definition,
        stateName: visit.name,
        input: text(visit.input),
        inspectionLevel: "DEBUG",
        context: JSON.stringify({ Execution: execution }),
        // Nothing is called: what was answered is on record.
        mock: visit.result === undefined ? undefined : { result: text(visit.result), fieldValidationMode: "NONE" },
      }));
    } catch (error) {
      setFailure(said(error));
    }
  };
  const data = output?.inspectionData;
  return (
    <ExpandableSection headerText="Each stage of the data" onChange={({ detail }) => detail.expanded && void begin()}>
      <SpaceBetween size="s">
        <Box color="text-body-secondary">Worked out again from the recorded input and answer; variables are not among them.</Box>
        {failure !== undefined && <Alert type="warning">The stages cannot be worked out again. {failure}</Alert>}
        {output === undefined && failure === undefined && <Spinner />}
        {output?.error !== undefined && <Alert type="warning" header={<bdi>{output.error}</bdi>}><bdi>{output.cause}</bdi></Alert>}
        {data !== undefined && STAGES.filter(([name]) => typeof data[name] === "string").map(([name, title]) => (
          <FormField key={name} label={title} stretch><TextView value={data[name]} label={title} /></FormField>
        ))}
        {output?.output !== undefined && <FormField label="State output" stretch><TextView value={output.output} label="State output" /></FormField>}
      </SpaceBetween>
    </ExpandableSection>
  );
}

/** Whether the stages of a state can be worked out without calling anything. */
export function hasStages(visit: Visit): boolean {
  return visit.type === "Task" ? visit.result !== undefined : ["Pass", "Choice", "Wait", "Succeed"].includes(visit.type) && visit.until !== undefined;
}

const text = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value ?? {}));

function parsed(value: unknown): unknown {
  try {
    return JSON.parse(String(value));
  } catch {
    return {};
  }
}
