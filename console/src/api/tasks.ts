// What waits for somebody, who takes it, and the answers.
import { request } from "./call";

/** A task that waits. */
export interface Task {
  taskToken: string;
  executionArn: string;
  stateMachineArn: string;
  stateName: string;
  stateComment?: string;
  resource: string;
  /** JSON text: what the service was called with, or what the worker is given. */
  parameters: string;
  /** `CALLING`, `WAITING`, `OFFERED`, `TAKEN`. */
  stage: string;
  workerName?: string;
  scheduledDate: number;
  timeoutDate?: number;
  heartbeatSeconds?: number;
  heartbeatDate?: number;
  claim?: { by: string; at: number };
}

/** An answer that was given. */
export interface Answer {
  by: string;
  name?: string;
  via: "inbox" | "link";
  at: number;
  stateName: string;
  error?: string;
}

/** What somebody says to a task: an output, or an error. */
export type Said = { output: string } | { error?: string; cause?: string };

const named = ({ taskToken, executionArn, stateName }: Task) => ({ taskToken, executionArn, stateName });

/** Lists tasks, the one that waits longest first. */
export async function openTasks(query: { executionArn?: string; stateMachineArn?: string }, most: number, signal?: AbortSignal): Promise<{ tasks: Task[]; more: boolean }> {
  const tasks: Task[] = [];
  let nextToken: string | undefined;
  do {
    const page = await request<{ tasks: Task[]; nextToken?: string }>("POST", "api/tasks", { ...query, nextToken }, signal);
    tasks.push(...page.tasks);
    nextToken = page.nextToken;
  } while (nextToken !== undefined && tasks.length < most);
  return { tasks, more: nextToken !== undefined };
}

export function claim(task: Task, take: boolean): Promise<unknown> {
  return request("POST", "api/claim", { ...named(task), take });
}

export function answer(task: Task, said: Said): Promise<{ answer: Answer }> {
  return request("POST", "api/answer", { ...named(task), ...said });
}

/** Who answered tasks of an execution. */
export async function answersOf(executionArn: string, signal?: AbortSignal): Promise<Answer[]> {
  return (await request<{ answers: Answer[] }>("POST", "api/answers", { executionArn }, signal)).answers;
}

/** A link with which anybody can answer the task, once. */
export async function answerLink(task: Task): Promise<string> {
  const { path } = await request<{ path: string }>("POST", "api/answer-link", named(task));
  return `${location.origin}${path}`;
}

/** What a link asks. */
export interface Question {
  task: Omit<Task, "taskToken">;
  definition: string;
}

export function lookAt(link: string): Promise<Question> {
  return request("POST", "answer/look", { link });
}

export function answerWith(link: string, said: Said, name: string): Promise<{ answer: Answer }> {
  return request("POST", "answer/send", { link, ...said, name });
}
