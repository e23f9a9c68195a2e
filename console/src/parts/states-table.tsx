// The states of an execution as a table: a tree with times and bars. Only what is in sight is drawn.
import { memo, useCallback, useLayoutEffect, useMemo, useRef, useState } from "react";
import { barsOf } from "../history/timeline";
import { type Line, treeOf, unfolded } from "../history/tree";
import type { Story } from "../history/visit";
import { useColumns } from "./preferences";
import { StateStatusMark } from "./status";
import "./states-table.css";
import { duration, moment } from "./words";

const COLUMNS = [
  { id: "name", label: "Name", fixed: true },
  { id: "type", label: "Type" },
  { id: "status", label: "Status" },
  { id: "resource", label: "Resource" },
  { id: "after", label: "Started after" },
  { id: "took", label: "Duration" },
  { id: "timeline", label: "Timeline" },
];
const ROW = 34;
const SPARE = 10;

export interface StatesTableProps {
  story: Story;
  /** When the execution began, and its end or the present. */
  from: number;
  until: number;
  selected?: number;
  onSelect: (visit: number) => void;
  height?: number;
}

export function StatesTable({ story, from, until, selected, onSelect, height = 480 }: StatesTableProps) {
  const tree = useMemo(() => treeOf(story), [story]);
  // What is at the top is unfolded until somebody folds it.
  const [turned, setTurned] = useState<ReadonlyMap<string, boolean>>(new Map());
  const open = useMemo(() => openOf(tree, turned), [tree, turned]);
  const lines = useMemo(() => unfolded(tree, open), [tree, open]);
  const { shown, preferences } = useColumns("states", COLUMNS);
  const turn = useCallback((ids: string[], isOpen: boolean) => {
    setTurned((before) => new Map([...before, ...ids.map((id): [string, boolean] => [id, isOpen])]));
  }, []);
  const [top, setTop] = useState(0);
  const place = useRef<HTMLDivElement>(null);
  const isThere = selected !== undefined && story.byId.has(selected);
  useLayoutEffect(() => {
    // What is selected elsewhere shows here, however deep it is.
    if (isThere) turn(around(story, selected), true);
  }, [selected, isThere]);
  const chosenAt = useMemo(() => lines.findIndex(({ line }) => line.visit?.id === selected && selected !== undefined), [lines, selected]);
  useLayoutEffect(() => {
    const at = chosenAt;
    const element = place.current;
    if (at < 0 || element === null) return;
    const [above, below] = [at * ROW, (at + 2) * ROW];
    if (above < element.scrollTop || below > element.scrollTop + element.clientHeight) element.scrollTop = above - ROW;
    // Only a new selection, or one that comes into sight, moves the table.
  }, [selected, chosenAt >= 0]);

  const first = Math.max(0, Math.floor(top / ROW) - SPARE);
  const count = Math.ceil(height / ROW) + 2 * SPARE;
  return (
    <>
    <div className="states-tools">{preferences}</div>
    <div ref={place} className="states" style={{ maxHeight: height }} onScroll={(event) => setTop(event.currentTarget.scrollTop)} tabIndex={0} role="region" aria-label="States">
      <table aria-rowcount={lines.length + 1}>
        <thead>
          <tr>
            {COLUMNS.filter(({ id }) => shown.includes(id)).map(({ id, label }) => <th key={id} scope="col">{label}</th>)}
          </tr>
        </thead>
        <tbody>
          {first > 0 && <tr aria-hidden="true" style={{ height: first * ROW }}><td colSpan={shown.length} /></tr>}
          {lines.slice(first, first + count).map(({ line, depth }, at) => (
            <Row
              key={line.id}
              {...{ line, depth, from, until, turn, onSelect, shown }}
              index={first + at}
              isOpen={open.has(line.id)}
              isSelected={line.visit !== undefined && line.visit.id === selected}
            />
          ))}
          {lines.length > first + count && <tr aria-hidden="true" style={{ height: (lines.length - first - count) * ROW }}><td colSpan={shown.length} /></tr>}
        </tbody>
      </table>
    </div>
    </>
  );
}

function openOf(tree: Line[], turned: ReadonlyMap<string, boolean>): ReadonlySet<string> {
  const open = new Set(tree.map((line) => line.id));
  for (const [id, isOpen] of turned) {
    if (isOpen) open.add(id);
    else open.delete(id);
  }
  return open;
}

/** Returns the lines that a visit is inside of: the Maps and Parallels, their iterations and branches. */
function around(story: Story, id: number): string[] {
  const lines: string[] = [];
  for (let visit = story.byId.get(id); visit?.parent !== undefined; visit = story.byId.get(visit.parent)) {
    lines.push(String(visit.parent), `${visit.parent}/${visit.index ?? 0}`);
  }
  return lines;
}

interface RowProps {
  line: Line;
  shown: string[];
  depth: number;
  index: number;
  from: number;
  until: number;
  isOpen: boolean;
  isSelected: boolean;
  turn: (ids: string[], isOpen: boolean) => void;
  onSelect: (visit: number) => void;
}

const Row = memo(function Row({ line, shown, depth, index, from, until, isOpen, isSelected, turn, onSelect }: RowProps) {
  const { visit } = line;
  const name = <bdi>{line.name}</bdi>;
  return (
    <tr aria-rowindex={index + 2} className={isSelected ? "chosen" : ""}>
      <th scope="row" style={{ paddingLeft: 10 + depth * 18 }}>
        {line.children.length > 0 ? (
          <button type="button" className="unfold" aria-expanded={isOpen} aria-label={`${isOpen ? "Fold" : "Unfold"} ${line.name}`} onClick={() => turn([line.id], !isOpen)}>
            {isOpen ? "▾" : "▸"}
          </button>
        ) : (
          <span className="unfold" />
        )}
        {visit === undefined ? name : (
          <button type="button" className="link" aria-pressed={isSelected} onClick={() => onSelect(visit.id)}>{name}</button>
        )}
      </th>
      {shown.includes("type") && <td>{line.type}</td>}
      {shown.includes("status") && <td><StateStatusMark status={line.status} /></td>}
      {shown.includes("resource") && <td title={visit?.resource}><bdi>{visit?.resource?.split(":").slice(-2).join(":") ?? "–"}</bdi></td>}
      {shown.includes("after") && <td title={moment(line.from)}>{duration(line.from - from)}</td>}
      {shown.includes("took") && <td>{duration((line.until ?? until) - line.from)}</td>}
      {shown.includes("timeline") && (
      <td>
        {visit && (
          <div className={`timeline tone-${line.status}`}>
            {barsOf(visit, from, until).map((bar) => (
              <span
                key={`${bar.from} ${bar.kind}`}
                className={`${bar.kind} ${bar.failed ? "tone-failed" : ""}`}
                title={bar.kind === "backoff" ? "Waits for the next try" : undefined}
                style={{ left: `${bar.from * 100}%`, width: `${bar.width * 100}%` }}
              />
            ))}
          </div>
        )}
      </td>
      )}
    </tr>
  );
});
