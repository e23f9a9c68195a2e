// The studio: a definition as code and as a graph, side by side; each follows the other.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import Tabs from "@cloudscape-design/components/tabs";
import { Suspense, lazy, useEffect, useRef, useState } from "react";
import { useNavigate, useParams, useSearchParams } from "react-router";
import { type Document, isNode, parse as parseYaml, parseDocument, stringify as toYaml } from "yaml";
import { to } from "../api/arn";
import { call, said } from "../api/call";
import { completionsAt } from "../definition/complete";
import { insert } from "../definition/edit";
import { type Flow, Outline } from "../definition/outline";
import { placeOf } from "../definition/pointer";
import { reachOf } from "../definition/reach";
import { useRead } from "../live/use-read";
import { Palette } from "../parts/palette";
import { Problem } from "../parts/problem";
import { SaveWarning } from "../parts/save-warning";
import { StateForm } from "../parts/state-form";
import { TestState } from "../parts/test-state";
import { useTexts } from "../parts/use-texts";

const CodeEditor = lazy(() => import("../parts/code-editor"));
const GraphView = lazy(() => import("../parts/graph-view"));

const FIRST = JSON.stringify({ Comment: "", StartAt: "Pass", States: { Pass: { Type: "Pass", End: true } } }, null, 2);

export default function StudioPage() {
  const { arn } = useParams();
  const [search] = useSearchParams();
  // A copy begins as another machine is, and becomes one of its own.
  const from = search.get("from") ?? undefined;
  const shown = arn ?? from;
  const machine = useRead(
    `studio ${shown ?? ""}`,
    async (signal) => (shown === undefined ? null : call("DescribeStateMachine", { stateMachineArn: shown }, signal)),
    () => false,
  );
  if (machine.loading) return <Spinner size="large" />;
  if (machine.value === undefined) return <Problem error={machine.error} again={machine.again} />;
  const known = machine.value;
  return (
    <Studio
      key={`${arn} ${from}`}
      arn={arn}
      begin={known === null ? FIRST : formatted(known.definition)}
      given={{ name: known === null ? "" : arn === undefined ? `${known.name.slice(0, 75)}-copy` : known.name, roleArn: known?.roleArn ?? "", type: known?.type ?? "STANDARD" }}
    />
  );
}

interface StudioProps {
  arn: string | undefined;
  begin: string;
  given: { name: string; roleArn: string; type: "STANDARD" | "EXPRESS" };
}

function Studio({ arn, begin, given }: StudioProps) {
  const navigate = useNavigate();
  const texts = useTexts(begin);
  const [language, setLanguage] = useState<"json" | "yaml">("json");
  const [wanted, setSelected] = useState<string>();
  const [config, setConfig] = useState(given);
  const [failure, setFailure] = useState<string>();
  const [saving, setSaving] = useState(false);
  const [asking, setAsking] = useState<string[]>();
  const { text } = texts;
  const { root, outline, wrong } = useParsed(text, language);
  const state = wanted === undefined ? undefined : outline.state(wanted);
  // What was undone is not selected any more.
  const selected = state === undefined ? undefined : wanted;

  const write = (flow: Flow) => texts.set(language === "json" ? JSON.stringify(flow, null, 2) : toYaml(flow));
  const change = (flow: Flow, select?: string) => {
    write(flow);
    if (select !== undefined) setSelected(select === "" ? undefined : select);
  };
  const add = (name: string, state: Parameters<typeof insert>[3], after = selected) => {
    const added = insert(root, after, name, state);
    change(added.root, added.name);
  };
  const speak = (next: "json" | "yaml") => {
    if (wrong !== undefined || next === language) return;
    setLanguage(next);
    texts.set(next === "json" ? JSON.stringify(root, null, 2) : toYaml(root));
  };
  const definition = language === "json" ? text : JSON.stringify(root, null, 2);
  // What is called anew may need leave that the role does not have.
  const saveOrAsk = () => {
    const known = new Set(reachOf(flowOf(begin)));
    const anew = reachOf(root).filter((one) => !known.has(one));
    if (arn !== undefined && config.roleArn === given.roleArn && anew.length > 0) setAsking(anew);
    else void save();
  };
  const open = async (file: File) => {
    try {
      const read = parseYaml(await file.text(), { maxAliasCount: 100 }) as unknown;
      if (typeof read !== "object" || read === null || !("States" in read)) throw new Error("A definition has States.");
      setFailure(undefined);
      change(read as Flow, "");
      if (config.name === "") setConfig({ ...config, name: file.name.replace(/(\.asl)?\.(json|ya?ml)$/i, "").replace(/[^\w-]+/g, "-").slice(0, 80) });
    } catch (error) {
      setFailure(`${file.name} cannot be imported. ${said(error).split("\n")[0]}`);
    }
  };
  const save = async () => {
    setAsking(undefined);
    setSaving(true);
    setFailure(undefined);
    try {
      if (arn === undefined) {
        const made = await call("CreateStateMachine", { ...config, definition });
        void navigate(to.machine(made.stateMachineArn));
      } else {
        await call("UpdateStateMachine", { stateMachineArn: arn, definition, roleArn: config.roleArn });
        void navigate(to.machine(arn));
      }
    } catch (error) {
      setFailure(said(error));
      setSaving(false);
    }
  };

  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <ImportButton onFile={(file) => void open(file)} />
              <Button disabled={!texts.canUndo} onClick={texts.undo}>Undo</Button>
              <Button disabled={!texts.canRedo} onClick={texts.redo}>Redo</Button>
              <Button variant="primary" loading={saving} disabled={wrong !== undefined || config.name === "" || config.roleArn === ""} onClick={saveOrAsk}>
                {arn === undefined ? "Create" : "Save"}
              </Button>
            </SpaceBetween>
          }
        >
          <bdi className="name">{given.name || "New state machine"}</bdi>
        </Header>
      }
    >
      <SpaceBetween size="m">
        {failure !== undefined && <Alert type="error">{failure}</Alert>}
        {asking !== undefined && (
          <SaveWarning calls={asking} roleArn={config.roleArn} onDismiss={() => setAsking(undefined)} onSave={() => void save()} />
        )}
        <Config config={config} onChange={setConfig} isNew={arn === undefined} />
        <Palette onAdd={add} behind={selected} />
        <div className="split">
          <Container
            header={
              <Header
                variant="h2"
                actions={
                  <SegmentedControl
                    label="Language"
                    selectedId={language}
                    onChange={({ detail }) => speak(detail.selectedId as "json" | "yaml")}
                    options={[{ id: "json", text: "JSON" }, { id: "yaml", text: "YAML" }]}
                  />
                }
              >
                Code
              </Header>
            }
          >
            <Suspense fallback={<Spinner />}>
              <CodeEditor value={text} onChange={texts.type} language={language} label="Definition" height="620px" complete={completionsAt} diagnose={(text) => findings(text, config.type, language)} />
            </Suspense>
          </Container>
          <SpaceBetween size="m">
            <Container
              header={<Header variant="h2">Graph</Header>}
            >
              {wrong !== undefined && <Alert type="warning">The graph waits for the code to be readable: {wrong}</Alert>}
              <div
                onDragOver={(event) => event.preventDefault()}
                onDrop={(event) => {
                  const one = Palette.dropped(event);
                  if (one === undefined) return;
                  event.preventDefault();
                  const on = (event.target as Element).closest<HTMLElement>("[data-state]")?.dataset.state;
                  add(one.name, one.state, on ?? selected);
                }}
              >
                <Suspense fallback={<Spinner />}>
                  <GraphView outline={outline} selected={selected} onSelect={setSelected} name={given.name || "definition"} height="360px" />
                </Suspense>
              </div>
            </Container>
            {selected !== undefined && state !== undefined && (
              <Container header={<Header variant="h2"><bdi className="name">{selected}</bdi></Header>}>
                <Tabs
                  tabs={[
                    { id: "form", label: "Configuration", content: <StateForm key={`${selected} ${texts.version}`} root={root} name={selected} state={state} onChange={change} /> },
                    { id: "test", label: "Test state", content: <TestState key={selected} definition={definition} stateName={selected} roleArn={config.roleArn} /> },
                  ]}
                />
              </Container>
            )}
          </SpaceBetween>
        </div>
        <Box color="text-body-secondary">Definitions are checked by the server while they are written.</Box>
      </SpaceBetween>
    </ContentLayout>
  );
}

/** Takes a definition from a file, JSON or YAML. */
function ImportButton({ onFile }: { onFile: (file: File) => void }) {
  const field = useRef<HTMLInputElement>(null);
  return (
    <>
      <Button onClick={() => field.current?.click()}>Import</Button>
      <input
        ref={field}
        type="file"
        hidden
        aria-label="Definition to import"
        accept=".json,.yaml,.yml,.asl"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          // The same file may be chosen again.
          event.currentTarget.value = "";
          if (file !== undefined) onFile(file);
        }}
      />
    </>
  );
}

interface ConfigProps {
  config: StudioProps["given"];
  onChange: (config: StudioProps["given"]) => void;
  isNew: boolean;
}

function Config({ config, onChange, isNew }: ConfigProps) {
  const types = [{ value: "STANDARD", label: "Standard" }, { value: "EXPRESS", label: "Express" }];
  return (
    <Container header={<Header variant="h2">Configuration</Header>}>
      <div className="fields">
        <FormField label="Name">
          <Input value={config.name} disabled={!isNew} onChange={({ detail }) => onChange({ ...config, name: detail.value })} />
        </FormField>
        <FormField label="Type">
          <Select
            options={types}
            disabled={!isNew}
            selectedOption={types.find((one) => one.value === config.type) ?? null}
            onChange={({ detail }) => onChange({ ...config, type: detail.selectedOption.value as "STANDARD" })}
          />
        </FormField>
        <FormField label="Execution role (ARN)">
          <Input value={config.roleArn} onChange={({ detail }) => onChange({ ...config, roleArn: detail.value })} />
        </FormField>
      </div>
    </Container>
  );
}

function flowOf(text: string): Flow {
  try {
    return JSON.parse(text) as Flow;
  } catch {
    return {};
  }
}

/** Reads the text; while it cannot be read, what could be read last stays. */
function useParsed(text: string, language: "json" | "yaml"): { root: Flow; outline: Outline; wrong?: string } {
  const [last, setLast] = useState<{ root: Flow; outline: Outline; wrong?: string }>(() => ({ root: {}, outline: new Outline({}) }));
  useEffect(() => {
    try {
      const root: unknown = language === "yaml" ? parseYaml(text, { maxAliasCount: 100 }) : JSON.parse(text);
      if (typeof root !== "object" || root === null) throw new Error("a definition is an object");
      setLast({ root: root as Flow, outline: new Outline(root as Flow) });
    } catch (error) {
      setLast((before) => ({ ...before, wrong: error instanceof Error ? error.message.split("\n")[0] : String(error) }));
    }
  }, [text, language]);
  return last;
}

/** What is wrong with a definition, in its place: the reader's word first, then the server's. */
async function findings(text: string, type: "STANDARD" | "EXPRESS", language: "json" | "yaml") {
  const document = language === "yaml" ? parseDocument(text) : undefined;
  if (document !== undefined && document.errors.length > 0) {
    return document.errors.map(({ pos: [from, to], message }) => ({ from, to: Math.min(to, text.length), severity: "error" as const, message }));
  }
  const definition = document === undefined ? text : JSON.stringify(document.toJS({ maxAliasCount: 100 }));
  const { diagnostics } = await call("ValidateStateMachineDefinition", { definition, type, severity: "WARNING" });
  return diagnostics.map((one) => ({
    ...(document === undefined ? placeOf(text, one.location ?? "") : placeIn(document, one.location ?? "")),
    severity: one.severity === "ERROR" ? ("error" as const) : ("warning" as const),
    message: `${one.code}: ${one.message}`,
  }));
}

/** The place of what a JSON pointer names; of what is not there, the beginning. */
function placeIn(document: Document, pointer: string): { from: number; to: number } {
  const parts = pointer.split("/").slice(1).map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  const node = document.getIn(parts, true);
  const range = isNode(node) ? node.range : undefined;
  return range ? { from: range[0], to: range[1] } : { from: 0, to: 0 };
}

function formatted(definition: string): string {
  try {
    return JSON.stringify(JSON.parse(definition), null, 2);
  } catch {
    return definition;
  }
}
