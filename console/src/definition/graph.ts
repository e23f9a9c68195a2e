// The graph of a definition: boxes for states, arrows for where they go on.
import { type Choice, type Flow, type Outline, type State, flowsOf, isDistributed } from "./outline";

/** A box. Boxes inside of others belong to a Map or a Parallel. */
export interface Box {
  id: string;
  kind: "start" | "end" | "state" | "group";
  /** The state's name; what a start or an end is of. */
  name: string;
  type: string;
  /** The short form of what a Task calls. */
  subtitle?: string;
  owner?: string;
  distributed: boolean;
}

export interface Arrow {
  id: string;
  from: string;
  to: string;
  kind: "next" | "choice" | "default" | "catch";
  label?: string;
}

export interface Graph {
  boxes: Box[];
  arrows: Arrow[];
}

const START = "\u0000start";
const END = "\u0000end";

/** Returns the graph. What a definition names and does not hold is left out. */
export function graphOf(outline: Outline): Graph {
  const graph: Graph = { boxes: [], arrows: [] };
  graph.boxes.push(plain(START, "start", "Start"));
  addFlow(graph, outline.root, undefined);
  graph.boxes.push(plain(END, "end", "End"));
  if (outline.root.StartAt !== undefined) connect(graph, START, outline.root.StartAt, "next");
  const known = new Set(graph.boxes.map((box) => box.id));
  graph.arrows = graph.arrows.filter((arrow) => known.has(arrow.from) && known.has(arrow.to));
  return graph;
}

function plain(id: string, kind: "start" | "end", name: string): Box {
  return { id, kind, name, type: name, distributed: false };
}

function addFlow(graph: Graph, flow: Flow, owner: string | undefined) {
  for (const [name, state] of Object.entries(flow.States ?? {})) {
    if (typeof state !== "object" || state === null) continue;
    const inside = flowsOf(state);
    graph.boxes.push({
      id: name,
      kind: inside.length > 0 ? "group" : "state",
      name,
      type: typeof state.Type === "string" ? state.Type : "State",
      subtitle: subtitleOf(state),
      owner,
      distributed: isDistributed(state),
    });
    addArrows(graph, name, state, owner === undefined);
    for (const one of inside) addFlow(graph, one, name);
  }
}

function addArrows(graph: Graph, name: string, state: State, atTop: boolean) {
  for (const choice of list(state.Choices)) {
    if (choice.Next !== undefined) connect(graph, name, choice.Next, "choice", ruleText(choice));
  }
  if (state.Default !== undefined) connect(graph, name, state.Default, "default", "Default");
  if (state.Next !== undefined) connect(graph, name, state.Next, "next");
  list(state.Catch).forEach((catcher, at) => {
    if (catcher.Next !== undefined) connect(graph, name, catcher.Next, "catch", catcher.Comment ?? `Catch #${at + 1}`);
  });
  const ends = state.End === true || state.Type === "Succeed" || state.Type === "Fail";
  if (atTop && ends) connect(graph, name, END, "next");
}

function list<T>(value: T[] | undefined): T[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "object" && one !== null) : [];
}

function connect(graph: Graph, from: string, to: string, kind: Arrow["kind"], label?: string) {
  graph.arrows.push({ id: `${graph.arrows.length}`, from, to, kind, label });
}

/** `arn:aws:states:::lambda:invoke.waitForTaskToken` → `Lambda: Invoke`, as AWS's graphs say it. */
function subtitleOf(state: State): string | undefined {
  if (state.Type !== "Task" || typeof state.Resource !== "string") return undefined;
  const parts = state.Resource.split(":");
  if (parts[2] === "lambda") return "Lambda: Invoke";
  if (parts[2] === "states" && parts[5] === "activity") return "Activity";
  if (parts[2] !== "states") return state.Resource;
  const names = parts.slice(5).filter((part) => part !== "aws-sdk");
  return names.map((part) => part.replace(/\..*$/, "")).map((part) => part.charAt(0).toUpperCase() + part.slice(1)).join(": ");
}

const SIGNS: [RegExp, string][] = [
  [/^(String|Numeric|Boolean|Timestamp)Equals(Path)?$/, "=="],
  [/^(String|Numeric|Timestamp)LessThan(Path)?$/, "<"],
  [/^(String|Numeric|Timestamp)LessThanEquals(Path)?$/, "<="],
  [/^(String|Numeric|Timestamp)GreaterThan(Path)?$/, ">"],
  [/^(String|Numeric|Timestamp)GreaterThanEquals(Path)?$/, ">="],
  [/^StringMatches$/, "matches"],
];

/** What a rule of a Choice says, in one line. */
export function ruleText(rule: Choice): string {
  if (typeof rule.Comment === "string") return rule.Comment;
  if (typeof rule.Condition === "string") return rule.Condition.replace(/^\{%\s*|\s*%\}$/g, "");
  const many = (word: "And" | "Or") =>
    list(rule[word] as Choice[]).map((one) => `(${ruleText({ ...one, Comment: undefined })})`).join(word === "And" ? " && " : " || ");
  if (rule.And !== undefined) return many("And");
  if (rule.Or !== undefined) return many("Or");
  if (rule.Not !== undefined) return `not (${ruleText(rule.Not as Choice)})`;
  const variable = typeof rule.Variable === "string" ? rule.Variable : "";
  for (const [operator, value] of Object.entries(rule)) {
    const sign = SIGNS.find(([pattern]) => pattern.test(operator))?.[1];
    if (sign !== undefined) return `${variable} ${sign} ${JSON.stringify(value)}`;
    const is = /^Is([A-Z]\w+)$/.exec(operator);
    if (is !== null) return `${variable} is ${value === false ? "not " : ""}${is[1]?.toLowerCase()}`;
  }
  return variable;
}
