// The inbox: everything that waits for an answer, over all machines. Keyboard first.
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Flashbar, { type FlashbarProps } from "@cloudscape-design/components/flashbar";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import TextFilter from "@cloudscape-design/components/text-filter";
import { useRef, useState } from "react";
import { useSearchParams } from "react-router";
import { lastOf, machineNameOf } from "../api/arn";
import { type Task, openTasks } from "../api/tasks";
import { useNow } from "../live/use-now";
import { useRead } from "../live/use-read";
import { Choose } from "../parts/choose";
import { Problem } from "../parts/problem";
import { TaskPanel } from "../parts/task-panel";
import { useVisitor } from "../parts/visitor";
import { duration } from "../parts/words";
import "./inbox.css";

const TASKS_MAX = 2_000;

export default function Inbox() {
  const [search, setSearch] = useSearchParams();
  const me = useVisitor().arn;
  const now = useNow(true);
  const list = useRead("inbox", (signal) => openTasks({}, TASKS_MAX, signal), (change) => change.machines.length > 0);
  const [text, setText] = useState("");
  const [mine, setMine] = useState("");
  const [done, setDone] = useState<FlashbarProps.MessageDefinition[]>([]);
  const lines = useRef<HTMLUListElement>(null);

  const tasks = list.value?.tasks ?? [];
  const machines = [...new Set(tasks.map((task) => machineNameOf(task.stateMachineArn)))].sort();
  const machine = search.get("machine") ?? "";
  const shown = tasks.filter((task) =>
    (machine === "" || machineNameOf(task.stateMachineArn) === machine)
    && (mine === "" || (mine === "free" ? task.claim === undefined : task.claim?.by === me))
    && mentions(task, text.trim().toLowerCase()));
  const chosen = tasks.find((task) => task.taskToken === search.get("task"));
  const choose = (task: Task | undefined) => {
    const next = new URLSearchParams(search);
    if (task === undefined) next.delete("task");
    else next.set("task", task.taskToken);
    setSearch(next, { replace: true });
  };
  const move = (event: React.KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const buttons = [...(lines.current?.querySelectorAll("button") ?? [])];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    buttons[Math.min(buttons.length - 1, Math.max(0, at + step))]?.focus();
  };
  const answered = (task: Task) => {
    const id = `${Date.now()}`;
    const dismiss = () => setDone((all) => all.filter((one) => one.id !== id));
    setDone((all) => [...all.slice(-2), { id, type: "success", dismissible: true, onDismiss: dismiss, content: `Answered: ${task.stateName} of ${lastOf(task.executionArn)}` }]);
    const at = shown.indexOf(task);
    choose(shown[at + 1] ?? shown[at - 1]);
    list.again();
  };

  return (
    <ContentLayout header={<Header variant="h1" counter={`(${tasks.length}${list.value?.more ? "+" : ""})`} description="What waits for somebody's answer">Inbox</Header>}>
      <SpaceBetween size="m">
        <Flashbar items={done} />
        <Problem error={list.error} again={list.again} />
        <div className="inbox">
          <Container>
            <SpaceBetween size="s">
              <TextFilter filteringText={text} onChange={({ detail }) => setText(detail.filteringText)} filteringPlaceholder="Find" filteringAriaLabel="Find tasks" />
              <SpaceBetween direction="horizontal" size="xs">
                <Choose
                  label="State machine"
                  all="All state machines"
                  value={machine}
                  options={machines.map((name) => [name, name])}
                  onChange={(value) => setSearch(value === "" ? {} : { machine: value }, { replace: true })}
                />
                <Choose label="Taken" all="Everybody's" value={mine} options={[["mine", "Taken by me"], ["free", "Nobody's"]]} onChange={setMine} />
              </SpaceBetween>
              {shown.length === 0 && !list.loading && <Box textAlign="center" padding="l" color="text-body-secondary">Nothing waits for an answer.</Box>}
              <ul ref={lines} className="tasks" onKeyDown={move} aria-label="Tasks">
                {shown.slice(0, 500).map((task) => (
                  <li key={task.taskToken}>
                    <button type="button" aria-pressed={task === chosen} onClick={() => choose(task)}>
                      <bdi className="task-name">{task.stateName}</bdi>
                      <span className="task-age">{duration(now - task.scheduledDate)}</span>
                      <bdi className="task-about">{machineNameOf(task.stateMachineArn)} · {lastOf(task.executionArn)}</bdi>
                      {task.claim !== undefined && <span className="task-claim">{task.claim.by === me ? "yours" : "taken"}</span>}
                    </button>
                  </li>
                ))}
              </ul>
            </SpaceBetween>
          </Container>
          {chosen === undefined ? (
            <Container header={<Header variant="h2">Task</Header>}>
              <Box color="text-body-secondary">
                {search.has("task") && !list.loading ? "This task does not wait any more." : "Choose a task; the arrow keys move through them."}
              </Box>
            </Container>
          ) : (
            <Container header={<Header variant="h2"><bdi className="name">{chosen.stateName}</bdi></Header>}>
              <TaskPanel key={chosen.taskToken} task={chosen} now={now} me={me} onAnswered={() => answered(chosen)} onChanged={list.again} />
            </Container>
          )}
        </div>
      </SpaceBetween>
    </ContentLayout>
  );
}

function mentions(task: Task, text: string): boolean {
  if (text === "") return true;
  return [task.stateName, task.executionArn, task.stateMachineArn, task.stateComment ?? "", task.parameters, task.claim?.by ?? ""]
    .some((one) => one.toLowerCase().includes(text));
}
