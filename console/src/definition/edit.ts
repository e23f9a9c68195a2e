// Changes to a definition, each from one to another: what the studio's forms and palette do.
import { type Flow, type State, flowsOf } from "./outline";

/** Further calls: what they are called, the resource, and the parameters that each needs. */
const ACTIONS: [type: string, resource: string, parameters: Record<string, unknown>][] = [
  ["DynamoDB get item", "dynamodb:getItem", { TableName: "", Key: { id: { "S.$": "$.id" } } }],
  ["DynamoDB put item", "dynamodb:putItem", { TableName: "", Item: { id: { "S.$": "$.id" } } }],
  ["DynamoDB update item", "dynamodb:updateItem", { TableName: "", Key: { id: { "S.$": "$.id" } }, UpdateExpression: "SET #a = :a", ExpressionAttributeNames: { "#a": "a" }, ExpressionAttributeValues: { ":a": { S: "" } } }],
  ["S3 get object", "aws-sdk:s3:getObject", { Bucket: "", Key: "" }],
  ["S3 put object", "aws-sdk:s3:putObject", { Bucket: "", Key: "", "Body.$": "$" }],
  ["SQS send message", "sqs:sendMessage", { QueueUrl: "", "MessageBody.$": "$" }],
  ["SNS publish", "sns:publish", { TopicArn: "", "Message.$": "$" }],
  ["EventBridge put events", "events:putEvents", { Entries: [{ Source: "", DetailType: "", "Detail.$": "$" }] }],
  ["HTTP call", "http:invoke", { ApiEndpoint: "", Method: "GET", Authentication: { ConnectionArn: "" } }],
];

/** What the palette offers: a new state, ready to be filled in. */
export const NEW_STATES: { group: string; type: string; name: string; state: State }[] = [
  { group: "Actions", type: "Lambda invoke", name: "Lambda Invoke", state: { Type: "Task", Resource: "arn:aws:states:::lambda:invoke", Parameters: { FunctionName: "", "Payload.$": "$" } } },
  {
    group: "Actions", type: "Lambda, wait for answer", name: "Ask",
    state: { Type: "Task", Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken", Parameters: { FunctionName: "", Payload: { "taskToken.$": "$$.Task.Token" } } },
  },
  { group: "Actions", type: "Start execution", name: "Start Execution", state: { Type: "Task", Resource: "arn:aws:states:::states:startExecution.sync:2", Parameters: { StateMachineArn: "", "Input.$": "$" } } },
  ...ACTIONS.map(([type, resource, parameters]) => ({ group: "Actions", type, name: type, state: { Type: "Task", Resource: `arn:aws:states:::${resource}`, Parameters: parameters } })),
  { group: "Flow", type: "Choice", name: "Choice", state: { Type: "Choice", Choices: [] } },
  { group: "Flow", type: "Parallel", name: "Parallel", state: { Type: "Parallel", Branches: [{ StartAt: "Branch", States: { Branch: { Type: "Pass", End: true } } }] } },
  {
    group: "Flow", type: "Map", name: "Map",
    state: { Type: "Map", ItemProcessor: { ProcessorConfig: { Mode: "INLINE" }, StartAt: "Item", States: { Item: { Type: "Pass", End: true } } } },
  },
  { group: "Flow", type: "Pass", name: "Pass", state: { Type: "Pass" } },
  { group: "Flow", type: "Wait", name: "Wait", state: { Type: "Wait", Seconds: 5 } },
  { group: "Flow", type: "Succeed", name: "Success", state: { Type: "Succeed" } },
  { group: "Flow", type: "Fail", name: "Fail", state: { Type: "Fail" } },
];

const ENDS_FLOW = new Set(["Succeed", "Fail"]);

/** Returns a copy with a state behind `after`, or at the beginning; says how it is called. */
export function insert(root: Flow, after: string | undefined, name: string, state: State): { root: Flow; name: string } {
  const copy = structuredClone(root);
  const taken = new Set(allNames(copy));
  const added = free(name, taken);
  const whole = renameInside(structuredClone(state), taken);
  const flow = (after === undefined ? undefined : flowOf(copy, after)) ?? copy;
  const before = after === undefined ? undefined : flow.States?.[after];
  const next = before === undefined ? flow.StartAt : before.Next;
  const follows = !ENDS_FLOW.has(whole.Type);
  if (follows && whole.Type !== "Choice") Object.assign(whole, next === undefined || next === "" ? { End: true } : { Next: next });
  if (follows && whole.Type === "Choice" && next !== undefined && next !== "") whole.Default = next;
  if (before === undefined) flow.StartAt = added;
  else if (before.Type === "Choice") before.Default = added;
  else if (!ENDS_FLOW.has(before.Type)) {
    before.Next = added;
    delete before.End;
  }
  flow.States = { ...flow.States, [added]: whole };
  return { root: copy, name: added };
}

/** Returns a copy without a state; what went on to it goes on to what followed. */
export function remove(root: Flow, name: string): Flow {
  const copy = structuredClone(root);
  const flow = flowOf(copy, name);
  const next = flow?.States?.[name]?.Next;
  if (flow?.States === undefined) return copy;
  delete flow.States[name];
  if (flow.StartAt === name) flow.StartAt = next ?? Object.keys(flow.States)[0] ?? "";
  for (const state of Object.values(flow.States)) {
    if (state.Next === name) {
      if (next === undefined) {
        delete state.Next;
        state.End = true;
      } else state.Next = next;
    }
    if (state.Default === name) {
      if (next === undefined) delete state.Default;
      else state.Default = next;
    }
    for (const list of [state.Choices, state.Catch]) {
      for (const one of list ?? []) if (one.Next === name && next !== undefined) one.Next = next;
    }
  }
  return copy;
}

/** Returns a copy in which a state has another name, everywhere. */
export function rename(root: Flow, name: string, to: string): Flow {
  const copy = structuredClone(root);
  const flow = flowOf(copy, name);
  if (flow?.States === undefined || to === "" || allNames(copy).includes(to)) return copy;
  flow.States = Object.fromEntries(Object.entries(flow.States).map(([known, state]) => [known === name ? to : known, state]));
  if (flow.StartAt === name) flow.StartAt = to;
  for (const state of Object.values(flow.States)) {
    if (state.Next === name) state.Next = to;
    if (state.Default === name) state.Default = to;
    for (const list of [state.Choices, state.Catch]) for (const one of list ?? []) if (one.Next === name) one.Next = to;
  }
  return copy;
}

/** Returns a copy with another state under a name. */
export function replace(root: Flow, name: string, state: State): Flow {
  const copy = structuredClone(root);
  const flow = flowOf(copy, name);
  if (flow?.States !== undefined) flow.States[name] = state;
  return copy;
}

/** The names that a state may go on to: its neighbours. */
export function neighbours(root: Flow, name: string): string[] {
  return Object.keys(flowOf(root, name)?.States ?? {}).filter((one) => one !== name);
}

function flowOf(root: Flow, name: string): Flow | undefined {
  const waiting = [root];
  for (let flow = waiting.pop(); flow !== undefined; flow = waiting.pop()) {
    if (flow.States !== undefined && Object.hasOwn(flow.States, name)) return flow;
    for (const state of Object.values(flow.States ?? {})) waiting.push(...flowsOf(state));
  }
  return undefined;
}

function allNames(root: Flow): string[] {
  const names: string[] = [];
  const waiting = [root];
  for (let flow = waiting.pop(); flow !== undefined; flow = waiting.pop()) {
    for (const [name, state] of Object.entries(flow.States ?? {})) {
      names.push(name);
      waiting.push(...flowsOf(state));
    }
  }
  return names;
}

function free(name: string, taken: Set<string>): string {
  let found = name;
  for (let number = 2; taken.has(found); number += 1) found = `${name} ${number}`;
  taken.add(found);
  return found;
}

/** States that come along with a new one get names that are free. */
function renameInside(state: State, taken: Set<string>): State {
  for (const flow of flowsOf(state)) {
    for (const name of Object.keys(flow.States ?? {})) {
      const to = free(name, taken);
      const inside = flow.States?.[name];
      if (to === name || flow.States === undefined || inside === undefined) continue;
      delete flow.States[name];
      flow.States[to] = inside;
      if (flow.StartAt === name) flow.StartAt = to;
    }
  }
  return state;
}
