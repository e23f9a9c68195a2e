// The visits as a tree: a Map holds its iterations, a Parallel its branches, those hold states.
import type { Status, Story, Visit } from "./visit";

/** A line of the table. */
export interface Line {
  id: string;
  name: string;
  type: string;
  status: Status;
  from: number;
  until?: number;
  /** Of a state; none for an iteration or a branch. */
  visit?: Visit;
  children: Line[];
}

/** Returns the lines of a story. */
export function treeOf(story: Story): Line[] {
  const root: Line[] = [];
  const places = new Map<string, Line[]>();
  const lines = new Map<number, Line>();
  for (const visit of story.visits) {
    const line: Line = {
      id: String(visit.id),
      name: visit.name,
      type: visit.type,
      status: visit.status,
      from: visit.from,
      until: visit.until,
      visit,
      children: [],
    };
    lines.set(visit.id, line);
    const parent = visit.parent === undefined ? undefined : lines.get(visit.parent);
    if (parent === undefined) {
      root.push(line);
      continue;
    }
    const index = visit.index ?? 0;
    const key = `${parent.id}/${index}`;
    let place = places.get(key);
    if (place === undefined) {
      const isMap = parent.type === "Map";
      const group: Line = {
        id: key,
        name: `${isMap ? "#" : "Branch "}${index}`,
        type: isMap ? "Iteration" : "Branch",
        status: visit.status,
        from: visit.from,
        children: [],
      };
      place = group.children;
      places.set(key, place);
      insert(parent.children, group, index);
    }
    place.push(line);
  }
  for (const line of lines.values()) line.children.forEach(sum);
  return root;
}

/** Iterations begin out of order; they are shown in theirs. */
function insert(groups: Line[], group: Line, index: number) {
  let at = groups.length;
  while (at > 0 && Number((groups[at - 1]?.id ?? "").split("/")[1]) > index) at -= 1;
  groups.splice(at, 0, group);
}

/** An iteration is what its last state is, and as long as all of them. */
function sum(group: Line) {
  const last = group.children.at(-1);
  if (last === undefined) return;
  group.status = last.status;
  group.until = group.children.every((line) => line.until !== undefined)
    ? Math.max(...group.children.map((line) => line.until ?? 0))
    : undefined;
}

/** Returns the lines that show when `open` are unfolded, each with its depth. */
export function unfolded(lines: Line[], open: ReadonlySet<string>): { line: Line; depth: number }[] {
  const shown: { line: Line; depth: number }[] = [];
  const waiting = lines.map((line) => ({ line, depth: 0 })).reverse();
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    shown.push(at);
    if (!open.has(at.line.id)) continue;
    for (let child = at.line.children.length - 1; child >= 0; child -= 1) {
      const line = at.line.children[child];
      if (line !== undefined) waiting.push({ line, depth: at.depth + 1 });
    }
  }
  return shown;
}
