// The task that a selected state waits for, and who answered it once it was.
import Box from "@cloudscape-design/components/box";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import { answersOf, openTasks } from "../api/tasks";
import type { Outline } from "../definition/outline";
import type { Visit } from "../history/visit";
import { useRead } from "../live/use-read";
import { TaskPanel } from "./task-panel";
import { useVisitor } from "./visitor";
import { moment } from "./words";

interface WaitingTaskProps {
  executionArn: string;
  visit: Visit;
  now: number;
  outline: Outline;
}

export function WaitingTask({ executionArn, visit, now, outline }: WaitingTaskProps) {
  const { arn: me } = useVisitor();
  const waits = visit.status === "waiting";
  const answersMatter = visit.resource?.endsWith(".waitForTaskToken") || visit.resource?.includes(":activity:");
  const read = useRead(
    `waiting ${executionArn} ${visit.id} ${visit.status}`,
    async (signal) => {
      const [open, answers] = await Promise.all([
        waits ? openTasks({ executionArn }, 1_000, signal) : { tasks: [] },
        answersMatter ? answersOf(executionArn, signal) : [],
      ]);
      return { open: open.tasks.filter((task) => task.stateName === visit.name), answers };
    },
    (change) => waits && executionArn in change.executions,
  );
  // Of several in iterations, the one that began when this visit did.
  const near = (read.value?.open ?? []).toSorted((a, b) => Math.abs(a.scheduledDate - visit.from) - Math.abs(b.scheduledDate - visit.from))[0];
  const given = (read.value?.answers ?? []).filter((one) => one.stateName === visit.name
    && one.at / 1_000 >= visit.from - 1 && one.at / 1_000 <= (visit.until ?? now) + 1);
  return (
    <>
      {near !== undefined && (
        <ExpandableSection headerText="Waiting for an answer" defaultExpanded variant="container">
          <TaskPanel task={near} now={now} me={me} outline={outline} onAnswered={read.again} onChanged={read.again} />
        </ExpandableSection>
      )}
      {given.map((one) => (
        <Box key={one.at}>
          Answered by <bdi>{one.name ?? one.by}</bdi> ({one.via === "link" ? `a link of ${one.by}` : "inbox"}), {moment(one.at / 1_000)}
        </Box>
      ))}
    </>
  );
}
