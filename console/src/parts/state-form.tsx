// The fields of one state, as a form: what most states have, and the rest as JSON.
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { Suspense, lazy, useState } from "react";
import { neighbours, remove, rename, replace } from "../definition/edit";
import type { Flow, State } from "../definition/outline";

const CodeEditor = lazy(() => import("./code-editor"));

interface StateFormProps {
  root: Flow;
  name: string;
  state: State;
  onChange: (root: Flow, selected?: string) => void;
}

const END = "\u0000end";
/** Fields that have a place of their own in the form. */
const OWN = new Set(["Type", "Comment", "Next", "End", "Resource", "TimeoutSeconds", "HeartbeatSeconds"]);

export function StateForm({ root, name, state, onChange }: StateFormProps) {
  const [newName, setNewName] = useState(name);
  const [rest, setRest] = useState(() => JSON.stringify(without(state), null, 2));
  const set = (field: string, value: unknown) => {
    const next: State = { ...state };
    if (value === undefined || value === "") delete next[field];
    else next[field] = value;
    onChange(replace(root, name, next));
  };
  const goOn = [...neighbours(root, name).map((value) => ({ value, label: value })), { value: END, label: "End" }];
  const ends = ["Succeed", "Fail", "Choice"].includes(state.Type);
  const problem = problemOf(rest);
  return (
    <SpaceBetween size="s">
      <FormField label="State name">
        <Input
          value={newName}
          onChange={({ detail }) => setNewName(detail.value)}
          onBlur={() => newName !== name && onChange(rename(root, name, newName), newName)}
        />
      </FormField>
      <FormField label="Comment">
        <Textarea rows={2} value={state.Comment ?? ""} onChange={({ detail }) => set("Comment", detail.value)} />
      </FormField>
      {state.Type === "Task" && (
        <>
          <FormField label="Resource">
            <Input value={state.Resource ?? ""} onChange={({ detail }) => set("Resource", detail.value)} />
          </FormField>
          {(["TimeoutSeconds", "HeartbeatSeconds"] as const).map((field) => (
            <FormField key={field} label={field === "TimeoutSeconds" ? "Timeout, seconds" : "Heartbeat, seconds"}>
              <Input
                inputMode="numeric"
                value={state[field] === undefined ? "" : String(state[field])}
                onChange={({ detail }) => set(field, detail.value === "" ? undefined : Number(detail.value) || detail.value)}
              />
            </FormField>
          ))}
        </>
      )}
      {!ends && (
        <FormField label="Next state">
          <Select
            options={goOn}
            selectedOption={goOn.find((one) => one.value === (state.Next ?? END)) ?? null}
            onChange={({ detail }) => {
              const { Next: _, End: __, ...others } = state;
              const to = detail.selectedOption.value;
              onChange(replace(root, name, { ...others, ...(to === END ? { End: true } : { Next: to }) } as State));
            }}
          />
        </FormField>
      )}
      <FormField label="Everything else" errorText={problem} stretch>
        <Suspense fallback={null}>
          <CodeEditor
            value={rest}
            label="Everything else"
            height="220px"
            onChange={(text) => {
              setRest(text);
              if (problemOf(text) !== undefined) return;
              const own = Object.fromEntries(Object.entries(state).filter(([field]) => OWN.has(field)));
              onChange(replace(root, name, { ...own, ...JSON.parse(text) } as State));
            }}
          />
        </Suspense>
      </FormField>
      <Button onClick={() => onChange(remove(root, name), "")}>Remove state</Button>
    </SpaceBetween>
  );
}

function without(state: State): Record<string, unknown> {
  return Object.fromEntries(Object.entries(state).filter(([field]) => !OWN.has(field)));
}

function problemOf(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? undefined : "An object is needed.";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
