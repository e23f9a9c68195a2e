// What a waiting task asks, as a form: inferred from what the definition does with the answer.
//
// If the next Choice compares `$.review.decision` with "APPROVE" and "REJECT", the answer has a `decision`
// that is one of the two; `ResultPath` and `ResultSelector` say where in the answer it stands. A state may
// say it itself: a Comment that is a JSON object names title, fields and assignees.
import type { Choice, Outline, State } from "./outline";

export interface Option {
  value: string;
  /** Where the execution goes on then. */
  next?: string;
}

export interface Field {
  /** Where in the answer: `["decision"]`. */
  path: string[];
  label: string;
  kind: "choice" | "boolean" | "number" | "text";
  options: Option[];
  required: boolean;
}

export interface Form {
  title?: string;
  /** What the state says about itself. */
  about?: string;
  fields: Field[];
  assignees: string[];
}

/** How many Choice states behind each other are looked at. */
const CHOICES_MAX = 16;

/** Returns the form of a state that waits. Without fields, the answer is JSON as it comes. */
export function formOf(outline: Outline, name: string): Form {
  const state = outline.state(name);
  if (state === undefined) return { fields: [], assignees: [] };
  const declared = declaration(state.Comment);
  if (declared !== undefined) return { ...declared, fields: declared.fields.length > 0 ? declared.fields : inferred(outline, state) };
  return { about: state.Comment, fields: inferred(outline, state), assignees: [] };
}

/** Returns the answer that the values make; what is empty and not required is left out. */
export function answerOf(fields: Field[], values: Record<string, string>): unknown {
  const answer: Record<string, unknown> = {};
  for (const field of fields) {
    const text = values[field.path.join(".")] ?? "";
    if (text === "" && !field.required) continue;
    let place = answer;
    for (const part of field.path.slice(0, -1)) {
      const inside = Object.hasOwn(place, part) ? place[part] : undefined;
      place = (typeof inside === "object" && inside !== null ? inside : put(place, part, {})) as Record<string, unknown>;
    }
    put(place, field.path.at(-1) ?? "", typed(field, text));
  }
  return answer;
}

/** As a member of the object itself, whatever its name. */
function put(place: Record<string, unknown>, name: string, value: unknown): unknown {
  Object.defineProperty(place, name, { value, enumerable: true, configurable: true, writable: true });
  return value;
}

function typed(field: Field, text: string): unknown {
  if (field.kind === "boolean") return text === "true";
  if (field.kind === "number") return Number(text);
  return text;
}

/** What is still wrong with the values, by field. */
export function problemsOf(fields: Field[], values: Record<string, string>): Record<string, string> {
  const problems: Record<string, string> = {};
  for (const field of fields) {
    const key = field.path.join(".");
    const text = values[key] ?? "";
    if (text === "") {
      if (field.required) problems[key] = "This is needed.";
    } else if (field.kind === "number" && !Number.isFinite(Number(text))) problems[key] = "This is no number.";
  }
  return problems;
}

function declaration(comment: string | undefined): Form | undefined {
  if (comment === undefined || !comment.trimStart().startsWith("{")) return undefined;
  try {
    const said = JSON.parse(comment) as { title?: unknown; about?: unknown; fields?: unknown; assignees?: unknown };
    const fields = (Array.isArray(said.fields) ? said.fields : []).flatMap((one): Field[] => {
      if (typeof one?.path !== "string" || one.path === "") return [];
      const options = (Array.isArray(one.options) ? one.options : []).map((value: unknown) => ({ value: String(value) }));
      const kind = ["boolean", "number", "text"].includes(one.kind) ? one.kind : options.length > 0 ? "choice" : "text";
      return [{ path: one.path.split("."), label: String(one.label ?? one.path), kind, options, required: one.required !== false }];
    });
    const assignees = (Array.isArray(said.assignees) ? said.assignees : []).filter((one): one is string => typeof one === "string");
    const text = (value: unknown) => (typeof value === "string" ? value : undefined);
    return { title: text(said.title), about: text(said.about), fields, assignees };
  } catch {
    return undefined;
  }
}

/** A comparison of a Choice: of what, with what, and where to. */
interface Comparison {
  /** `["$", "review", "decision"]`, or `["$decision"]` of a variable. */
  of: string[];
  kind: Field["kind"];
  value?: string;
  next?: string;
}

function inferred(outline: Outline, state: State): Field[] {
  const places = placesOf(state);
  const fields = new Map<string, Field>();
  for (const comparison of comparisonsBehind(outline, state)) {
    const path = within(places, comparison.of);
    if (path === undefined) continue;
    const key = path.join(".");
    const field = fields.get(key) ?? { path, label: path.join("."), kind: comparison.kind, options: [], required: true };
    const { value, next } = comparison;
    if (value !== undefined && !field.options.some((option) => option.value === value)) field.options.push({ value, next });
    fields.set(key, field);
  }
  for (const path of mentioned(outline, places)) {
    const key = path.join(".");
    const covered = [...fields.keys()].some((known) => known === key || known.startsWith(`${key}.`) || key.startsWith(`${known}.`));
    if (!covered) fields.set(key, { path, label: key, kind: "text", options: [], required: false });
  }
  return [...fields.values()];
}

/** Where a part of the answer is found afterwards: `from` begins what stands for `answer`. */
interface Place {
  from: string[];
  answer: string[];
}

function placesOf(state: State): Place[] {
  if (state.Output !== undefined || isJsonata(state)) return [...jsonataPlaces(state.Output ?? "{% $states.result %}", ["$"]), ...assigned(state)];
  if (state.ResultPath === null || state.OutputPath === null) return assigned(state);
  const at = parsePath(typeof state.ResultPath === "string" ? state.ResultPath : "$");
  const out = parsePath(typeof state.OutputPath === "string" ? state.OutputPath : "$");
  if (at === undefined || out === undefined) return assigned(state);
  const from = startsWith(at, out) ? ["$", ...at.slice(out.length)] : undefined;
  const selected = selector(state.ResultSelector);
  const places = from === undefined ? [] : selected.map((one) => ({ from: [...from, ...one.from], answer: one.answer }));
  return [...places, ...assigned(state)];
}

/** `{"decision.$": "$.answer.what"}`: what is called `decision` afterwards is `answer.what` of the answer. */
function selector(value: unknown): Place[] {
  if (typeof value !== "object" || value === null) return [{ from: [], answer: [] }];
  return Object.entries(value).flatMap(([name, path]) => {
    const found = name.endsWith(".$") && typeof path === "string" ? parsePath(path) : undefined;
    return found === undefined ? [] : [{ from: [name.slice(0, -2)], answer: found.slice(1) }];
  });
}

function assigned(state: State): Place[] {
  const places: Place[] = [];
  for (const [name, value] of Object.entries((state.Assign ?? {}) as Record<string, unknown>)) {
    if (typeof value !== "string") continue;
    if (name.endsWith(".$")) {
      const path = parsePath(value);
      if (path?.[0] === "$") places.push({ from: [`$${name.slice(0, -2)}`], answer: path.slice(1) });
    } else places.push(...jsonataPlaces(value, [`$${name}`]));
  }
  return places;
}

const isJsonata = (state: State) => state.QueryLanguage === "JSONata" || state.Arguments !== undefined;

/** `{% $states.result.x %}`, and objects that hold such texts. */
function jsonataPlaces(value: unknown, from: string[]): Place[] {
  if (typeof value === "string") {
    const found = /^\{%\s*\$states\.result((?:\.\w+)*)\s*%\}$/.exec(value);
    return found === null ? [] : [{ from, answer: (found[1] ?? "").split(".").filter(Boolean) }];
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inside]) => jsonataPlaces(inside, [...from, name]));
}

/** Returns the path in the answer of what is found at `of` afterwards. */
function within(places: Place[], of: string[]): string[] | undefined {
  const place = places.find(({ from }) => startsWith(of, from));
  const path = place && [...place.answer, ...of.slice(place.from.length)];
  return path === undefined || path.length === 0 ? undefined : path;
}

const startsWith = (whole: string[], begin: string[]) => begin.every((part, at) => whole[at] === part);

/** `$.review.decision` → `["$", "review", "decision"]`; nothing for what is more than names. */
function parsePath(text: string): string[] | undefined {
  const parts: string[] = [];
  const head = /^\$\w*/.exec(text)?.[0];
  if (head === undefined || text.startsWith("$$")) return undefined;
  parts.push(head);
  let rest = text.slice(head.length);
  while (rest !== "") {
    const found = /^(?:\.([\p{L}\p{N}_-]+)|\['([^']+)'\]|\["([^"]+)"\])/u.exec(rest);
    if (found === null) return undefined;
    parts.push(found[1] ?? found[2] ?? found[3] ?? "");
    rest = rest.slice(found[0].length);
  }
  return parts;
}

/** The comparisons of the Choice that follows, and of those that it goes on to. */
function comparisonsBehind(outline: Outline, state: State): Comparison[] {
  const found: Comparison[] = [];
  const waiting = [state.Next];
  const seen = new Set<string>();
  while (waiting.length > 0 && seen.size < CHOICES_MAX) {
    const name = waiting.shift();
    const next = name === undefined ? undefined : outline.state(name);
    if (name === undefined || next?.Type !== "Choice" || seen.has(name)) continue;
    seen.add(name);
    for (const choice of next.Choices ?? []) {
      found.push(...comparisons(choice, choice.Next));
      waiting.push(choice.Next);
    }
    waiting.push(next.Default);
  }
  return found;
}

function comparisons(rule: Choice, next: string | undefined): Comparison[] {
  if (typeof rule !== "object" || rule === null) return [];
  if (typeof rule.Condition === "string") return conditions(rule.Condition, next);
  const inside = [rule.And, rule.Or, rule.Not === undefined ? [] : [rule.Not]].flat() as Choice[];
  const found = inside.filter(Boolean).flatMap((one) => comparisons(one, next));
  const of = typeof rule.Variable === "string" ? parsePath(rule.Variable) : undefined;
  if (of === undefined) return found;
  for (const [operator, value] of Object.entries(rule)) {
    if (operator === "StringEquals" && typeof value === "string") found.push({ of, kind: "choice", value, next });
    else if (operator === "BooleanEquals") found.push({ of, kind: "boolean" });
    else if (/^Numeric\w+$/.test(operator)) found.push({ of, kind: "number" });
    else if (/^(String|Timestamp)\w+$/.test(operator)) found.push({ of, kind: "text" });
  }
  return found;
}

/** `$states.input.review.decision = 'APPROVE' or $amount > 5`. */
function conditions(text: string, next: string | undefined): Comparison[] {
  const found: Comparison[] = [];
  const pattern = /(\$[\w.]+)\s*(=|!=|<=|>=|<|>)\s*('([^']*)'|"([^"]*)"|true|false|-?\d+(?:\.\d+)?)/g;
  for (const [, left = "", , right = "", single, double] of text.matchAll(pattern)) {
    const of = parsePath(left.replace(/^\$states\.input/, "$"));
    if (of === undefined) continue;
    const value = single ?? double;
    if (value !== undefined) found.push({ of, kind: "choice", value, next });
    else found.push({ of, kind: right === "true" || right === "false" ? "boolean" : "number" });
  }
  return found;
}

/** Parts of the answer that other states name in what they pass on: they may be wanted. */
function mentioned(outline: Outline, places: Place[]): string[][] {
  const paths = new Map<string, string[]>();
  // Without a place of its own, anything might be part of the answer.
  const own = places.filter(({ from }) => from.length > 1 || from[0] !== "$");
  if (own.length === 0) return [];
  const waiting: unknown[] = outline.names().map((name) => {
    const state = outline.state(name);
    return [state?.Parameters, state?.Arguments];
  });
  for (let value = waiting.pop(); value !== undefined || waiting.length > 0; value = waiting.pop()) {
    if (typeof value === "object" && value !== null) waiting.push(...Object.values(value));
    if (typeof value !== "string") continue;
    const inner = /^\{%\s*(.*?)\s*%\}$/.exec(value)?.[1]?.replace(/^\$states\.input/, "$");
    const of = parsePath(inner ?? value);
    const path = of && within(own, of);
    if (path !== undefined) paths.set(path.join("."), path);
  }
  return [...paths.values()];
}
