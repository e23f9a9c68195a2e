// The answer to a task: the buttons or fields that the definition asks for, or JSON.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import RadioGroup from "@cloudscape-design/components/radio-group";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { Suspense, lazy, useState } from "react";
import { said as words } from "../api/call";
import type { Said } from "../api/tasks";
import { type Field, type Form, answerOf, problemsOf } from "../definition/form";
import { parseJson, pretty } from "./words";

const CodeEditor = lazy(() => import("./code-editor"));

export interface AnswerFormProps {
  form: Form;
  /** Sends the answer; what it rejects with is shown. */
  onAnswer: (said: Said) => Promise<void>;
  disabled?: boolean;
}

export function AnswerForm({ form, onAnswer, disabled = false }: AnswerFormProps) {
  const [values, setValues] = useState<Record<string, string>>({});
  const [failure, setFailure] = useState<string>();
  const [sending, setSending] = useState<string>();
  const [asJson, setAsJson] = useState(false);

  const send = async (what: string, said: Said) => {
    setSending(what);
    setFailure(undefined);
    try {
      await onAnswer(said);
    } catch (error) {
      setFailure(words(error));
    } finally {
      setSending(undefined);
    }
  };
  const blocked = disabled || sending !== undefined;
  const byButtons = form.fields.find((field) => field.required && field.kind === "choice" && field.options.length > 0);
  const others = form.fields.filter((field) => field !== byButtons);
  const set = (field: Field, value: string) => setValues({ ...values, [field.path.join(".")]: value });
  const problems = problemsOf(others, values);
  const sendFields = (extra: Record<string, string>, what: string) =>
    void send(what, { output: JSON.stringify(answerOf(form.fields, { ...values, ...extra })) });

  return (
    <SpaceBetween size="m">
      {failure !== undefined && <Alert type="error">{failure}</Alert>}
      {form.fields.length > 0 && !asJson ? (
        <>
          {others.map((field) => (
            <FieldInput key={field.path.join(".")} field={field} value={values[field.path.join(".")] ?? ""} onChange={(value) => set(field, value)} />
          ))}
          <SpaceBetween direction="horizontal" size="xs">
            {byButtons === undefined ? (
              <Button variant="primary" loading={sending === "send"} disabled={blocked || Object.keys(problems).length > 0} onClick={() => sendFields({}, "send")}>
                Send answer
              </Button>
            ) : (
              byButtons.options.map((option, at) => (
                <Button
                  key={option.value}
                  variant={at === 0 ? "primary" : "normal"}
                  loading={sending === option.value}
                  disabled={blocked || Object.keys(problems).length > 0}
                  ariaLabel={option.next === undefined ? option.value : `${option.value}, goes on to ${option.next}`}
                  onClick={() => sendFields({ [byButtons.path.join(".")]: option.value }, option.value)}
                >
                  {option.value}
                </Button>
              ))
            )}
            <Button variant="inline-link" onClick={() => setAsJson(true)}>Answer with JSON</Button>
          </SpaceBetween>
        </>
      ) : (
        <JsonAnswer fields={form.fields} values={values} blocked={blocked} sending={sending === "json"} onSend={(output) => void send("json", { output })} />
      )}
      <ExpandableSection headerText="Fail it instead">
        <Fail blocked={blocked} sending={sending === "fail"} onSend={(error, cause) => void send("fail", { error, cause })} />
      </ExpandableSection>
    </SpaceBetween>
  );
}

function FieldInput({ field, value, onChange }: { field: Field; value: string; onChange: (value: string) => void }) {
  const label = <bdi>{field.label}{field.required ? "" : " (optional)"}</bdi>;
  const options = field.kind === "boolean" ? [{ value: "true" }, { value: "false" }] : field.options;
  if ((field.kind === "choice" || field.kind === "boolean") && options.length > 0) {
    return (
      <FormField label={label}>
        <RadioGroup
          value={value === "" ? null : value}
          items={options.map((option) => ({ value: option.value, label: field.kind === "boolean" ? (option.value === "true" ? "Yes" : "No") : option.value }))}
          onChange={({ detail }) => onChange(detail.value)}
        />
      </FormField>
    );
  }
  return (
    <FormField label={label}>
      <Input value={value} inputMode={field.kind === "number" ? "decimal" : "text"} onChange={({ detail }) => onChange(detail.value)} />
    </FormField>
  );
}

interface JsonAnswerProps {
  fields: Field[];
  values: Record<string, string>;
  blocked: boolean;
  sending: boolean;
  onSend: (output: string) => void;
}

function JsonAnswer({ fields, values, blocked, sending, onSend }: JsonAnswerProps) {
  const hint = Object.fromEntries(fields.map((field) => [field.path.join("."), values[field.path.join(".")] ?? field.options[0]?.value ?? ""]));
  const [text, setText] = useState(() => pretty(answerOf(fields.map((field) => ({ ...field, kind: field.kind === "number" ? "text" : field.kind, required: true })), hint)));
  const wrong = text.trim() === "" ? "An answer is JSON: {} at least." : parseJson(text).error;
  return (
    <SpaceBetween size="s">
      <FormField label="Answer" errorText={wrong} stretch>
        <Suspense fallback={<div style={{ height: 160 }} />}>
          <CodeEditor value={text} onChange={setText} label="Answer" height="160px" />
        </Suspense>
      </FormField>
      <Button variant="primary" loading={sending} disabled={blocked || wrong !== undefined} onClick={() => onSend(text)}>Send answer</Button>
    </SpaceBetween>
  );
}

function Fail({ blocked, sending, onSend }: { blocked: boolean; sending: boolean; onSend: (error: string | undefined, cause: string | undefined) => void }) {
  const [error, setError] = useState("");
  const [cause, setCause] = useState("");
  return (
    <SpaceBetween size="s">
      <FormField label="Error" description="The name that the state's Retry and Catch look for">
        <Input value={error} onChange={({ detail }) => setError(detail.value)} />
      </FormField>
      <FormField label="Cause">
        <Input value={cause} onChange={({ detail }) => setCause(detail.value)} />
      </FormField>
      <Box>
        <Button loading={sending} disabled={blocked} onClick={() => onSend(error || undefined, cause || undefined)}>Fail the task</Button>
      </Box>
    </SpaceBetween>
  );
}
