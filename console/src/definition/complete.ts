// What can be written at a place of a definition, in JSON or YAML: fields by where it is, values by the field. Pure.
import { parse as parseYaml } from "yaml";
import { FIELDS, RESOURCES, VALUES, type Spot } from "./words";
import { type Flow, Outline } from "./outline";

export interface Completions {
  /** From where on it is replaced, up to the place. */
  from: number;
  options: { label: string; apply: string }[];
}

/** Where a place is: the fields around it, outermost first (`*` for an element), and those written beside it. */
interface Place {
  path: string[];
  beside: Map<string, string>;
  /** The field whose value is written; none where a field is. */
  field?: string;
  from: number;
  quoted: boolean;
}

/** Returns what fits at `at`; nothing where the definition says all by itself. */
export function completionsAt(text: string, at: number): Completions | undefined {
  const isJson = text.trimStart().startsWith("{");
  const place = isJson ? inJson(text, at) : inYaml(text, at);
  if (place === undefined) return undefined;
  const { path, beside, field, from, quoted } = place;
  const words = field === undefined ? fieldsAt(path, beside) : valuesOf(field, path, text);
  if (words.length === 0) return undefined;
  const written = (word: string) => {
    if (field !== undefined) return isJson && !quoted ? JSON.stringify(word) : word;
    if (!isJson) return `${word}: `;
    return quoted ? word : `${JSON.stringify(word)}: `;
  };
  return { from, options: words.filter((word) => field !== undefined || !beside.has(word)).map((label) => ({ label, apply: written(label) })) };
}

function fieldsAt(path: string[], beside: Map<string, string>): string[] {
  const spot = spotOf(path);
  if (spot === undefined) return [];
  if (spot !== "state") return FIELDS[spot];
  const type = beside.get("Type") ?? "";
  const own = FIELDS.types[type];
  const all = own ?? [...new Set(Object.values(FIELDS.types).flat())];
  return [...new Set([...FIELDS.state, ...all])];
}

function spotOf(path: string[]): Exclude<Spot, "types"> | undefined {
  const [last, before] = [path.at(-1), path.at(-2)];
  if (last === undefined || last === "ItemProcessor" || last === "Iterator") return "flow";
  if (last === "*") {
    if (before === "Branches") return "flow";
    if (before === "Retry") return "retrier";
    if (before === "Catch") return "catcher";
    return before === "Choices" || before === "And" || before === "Or" ? "rule" : undefined;
  }
  if (last === "Not") return "rule";
  if (last === "ProcessorConfig") return "processor";
  return before === "States" ? "state" : undefined;
}

function valuesOf(field: string, path: string[], text: string): string[] {
  if (["Next", "Default", "StartAt"].includes(field)) return neighboursOf(path, text);
  if (field === "Resource") return RESOURCES;
  return VALUES[field] ?? [];
}

/** The states that can be gone on to: those of the same flow, as far as the definition can be read; else all that are named. */
function neighboursOf(path: string[], text: string): string[] {
  const at = path.lastIndexOf("States");
  const name = at < 0 ? undefined : path[at + 1];
  let outline: Outline | undefined;
  try {
    outline = new Outline(parseYaml(text, { maxAliasCount: 100, logLevel: "silent" }) as Flow);
  } catch {
    // While it is written it often cannot be read.
  }
  if (outline !== undefined && name !== undefined) {
    const owner = outline.ownerOf(name);
    const branch = outline.branchOf(name);
    return outline.names().filter((one) => one !== name && outline.ownerOf(one) === owner && outline.branchOf(one) === branch);
  }
  const named = [...text.matchAll(/"?([^"\n{}]+?)"?\s*:\s*(?:\{\s*|\n\s+)"?Type"?\s*:/g)];
  return named.map((found) => found[1]?.trim() ?? "").filter((one) => one !== "" && one !== name);
}

interface Open {
  /** The field that holds it. */
  key: string | undefined;
  isList: boolean;
  members: Map<string, string>;
  lastKey: string | undefined;
}

/** Reads JSON up to a place, whatever comes behind. */
function inJson(text: string, end: number): Place | undefined {
  const open: Open[] = [];
  let string: number | undefined;
  let expectsValue = false;
  for (let at = 0; at < end; at += 1) {
    const letter = text[at];
    const top = open.at(-1);
    if (string !== undefined) {
      if (letter === "\\") at += 1;
      else if (letter === '"') {
        const read = text.slice(string + 1, at);
        string = undefined;
        if (top === undefined || top.isList) continue;
        if (expectsValue) top.members.set(top.lastKey ?? "", read);
        else top.lastKey = read;
      }
    } else if (letter === '"') string = at;
    else if (letter === ":") {
      expectsValue = true;
      if (top?.lastKey !== undefined) top.members.set(top.lastKey, top.members.get(top.lastKey) ?? "");
    } else if (letter === ",") expectsValue = top?.isList ?? false;
    else if (letter === "{" || letter === "[") {
      const key = top === undefined ? undefined : top.isList ? "*" : top.lastKey;
      open.push({ key, isList: letter === "[", members: new Map(), lastKey: undefined });
      expectsValue = letter === "[";
    } else if (letter === "}" || letter === "]") {
      open.pop();
      expectsValue = false;
    }
  }
  const top = open.at(-1);
  if (top === undefined) return undefined;
  const path = open.slice(1).map((one) => one.key ?? "");
  const from = string === undefined ? wordFrom(text, end) : string + 1;
  const beside = new Map([...top.members, ...after(text, end)]);
  const field = top.isList ? path.at(-1) : expectsValue ? top.lastKey : undefined;
  return { path: top.isList ? path.slice(0, -1) : path, beside, field, from, quoted: string !== undefined };
}

/** The fields that come behind a place in the same object, and their texts. */
function after(text: string, at: number): Map<string, string> {
  const found = new Map<string, string>();
  let depth = 0;
  const tokens = /"((?:[^"\\]|\\.)*)"(?:\s*:\s*(?:"((?:[^"\\]|\\.)*)")?)?|[{}[\]]/g;
  tokens.lastIndex = text.indexOf("\n", at) < 0 ? at : text.indexOf("\n", at);
  for (let token = tokens.exec(text); token !== null; token = tokens.exec(text)) {
    if (token[0] === "{" || token[0] === "[") depth += 1;
    else if (token[0] === "}" || token[0] === "]") depth -= 1;
    else if (depth === 0 && token[0].includes(":")) found.set(token[1] ?? "", token[2] ?? "");
    if (depth < 0) break;
  }
  return found;
}

/** Reads YAML as it is mostly written: block style, by its indentation. */
function inYaml(text: string, end: number): Place | undefined {
  const lineFrom = text.lastIndexOf("\n", end - 1) + 1;
  const line = /^(\s*)((?:-\s+)*)(?:([\w ]+):\s+)?(["']?)([^"']*)$/.exec(text.slice(lineFrom, end));
  if (line === null) return undefined;
  const [, blank = "", dashes = "", key, quote = "", word = ""] = line;
  let indent = blank.length + dashes.length;
  const path: string[] = [];
  const beside = new Map<string, string>();
  if (dashes !== "") path.unshift("*");
  let outer = dashes === "" ? indent : blank.length;
  const lines = text.split("\n");
  const number = text.slice(0, lineFrom).split("\n").length - 1;
  const read = (one: string) => {
    const found = /^(\s*)((?:-\s+)*)["']?([^"':#]+)["']?:(?:\s+["']?([^"'#]*)["']?)?\s*$/.exec(one);
    return found === null ? undefined : { column: (found[1] ?? "").length, inner: (found[1] ?? "").length + (found[2] ?? "").length, isElement: found[2] !== "", key: found[3]?.trim() ?? "", value: (found[4] ?? "").trim() };
  };
  for (let at = number - 1; at >= 0; at -= 1) {
    const found = read(lines[at] ?? "");
    if (found === undefined) continue;
    if (found.inner === indent && path.length === (dashes === "" ? 0 : 1) && dashes === "") beside.set(found.key, found.value);
    if (found.isElement && found.inner === outer) {
      path.unshift("*");
      outer = found.column;
    } else if (found.inner < outer || (found.inner === outer && path[0] === "*" && !found.isElement && found.value === "")) {
      path.unshift(found.key);
      outer = found.inner;
      indent = -1;
      if (found.isElement) {
        path.unshift("*");
        outer = found.column;
      }
    }
    if (outer === 0 && path[0] !== "*") break;
  }
  for (let at = number + 1; at < lines.length && dashes === ""; at += 1) {
    const found = read(lines[at] ?? "");
    if (found === undefined) continue;
    if (found.inner < blank.length) break;
    if (found.inner === blank.length) beside.set(found.key, found.value);
  }
  const isElement = dashes !== "" && key === undefined && ["ErrorEquals"].includes(path.at(-2) ?? "");
  const field = key?.trim() ?? (isElement ? path.at(-2) : undefined);
  return { path, beside, field, from: end - word.length, quoted: quote !== "" };
}

function wordFrom(text: string, end: number): number {
  return end - (/[\w.]*$/.exec(text.slice(Math.max(0, end - 100), end))?.[0].length ?? 0);
}
