// What a definition reaches out to: what its role must allow. Pure.
import type { Flow, State } from "./outline";

/** Returns what the tasks of a definition call, each once and in order. */
export function reachOf(root: Flow): string[] {
  const found = new Set<string>();
  const waiting: unknown[] = [root];
  for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
    if (typeof one !== "object" || one === null) continue;
    const { Type, Resource } = one as Partial<State> & { Resource?: unknown };
    if (Type === "Task" && typeof Resource === "string") {
      found.add(Resource);
      const given = (one as Record<string, unknown>).Parameters ?? (one as Record<string, unknown>).Arguments;
      if (typeof given === "object" && given !== null) {
        for (const [name, value] of Object.entries(given)) {
          if (/^(FunctionName|StateMachineArn|TableName|QueueUrl|TopicArn|Bucket)$/.test(name) && typeof value === "string") found.add(`${Resource} of ${value}`);
        }
      }
    }
    waiting.push(...Object.values(one));
  }
  return [...found].sort();
}
