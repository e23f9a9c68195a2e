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
  const [open, setOpen] = useState<ReadonlySet<string>>(() => new Set(tree.map((line) => line.id)));
  const lines = useMemo(() => unfolded(tree, open), [tree, open]);
  const { shown, preferences } = useColumns("states", COLUMNS);
  const [top, setTop] = useState(0);
  const place = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const at = lines.findIndex(({ line }) => line.visit?.id === selected);
    const element = place.current;
    if (at < 0 || element === null) return;
    const [above, below] = [at * ROW, (at + 2) * ROW];
    if (above < element.scrollTop || below > element.scrollTop + element.clientHeight) element.scrollTop = above - ROW;
    // Only a new selection moves the table.
  }, [selected]);

  const first = Math.max(0, Math.floor(top / ROW) - SPARE);
  const count = Math.ceil(height / ROW) + 2 * SPARE;
  const toggle = useCallback((id: string) => {
    setOpen((before) => {
      const next = new Set(before);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  }, []);
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
              {...{ line, depth, from, until, toggle, onSelect, shown }}
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

interface RowProps {
  line: Line;
  shown: string[];
  depth: number;
  index: number;
  from: number;
  until: number;
  isOpen: boolean;
  isSelected: boolean;
  toggle: (id: string) => void;
  onSelect: (visit: number) => void;
}

const Row = memo(function Row({ line, shown, depth, index, from, until, isOpen, isSelected, toggle, onSelect }: RowProps) {
  const { visit } = line;
  const name = <bdi>{line.name}</bdi>;
  return (
    <tr aria-rowindex={index + 2} className={isSelected ? "chosen" : ""}>
      <th scope="row" style={{ paddingLeft: 10 + depth * 18 }}>
        {line.children.length > 0 ? (
          <button type="button" className="unfold" aria-expanded={isOpen} aria-label={`${isOpen ? "Fold" : "Unfold"} ${line.name}`} onClick={() => toggle(line.id)}>
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
