// Where boxes and arrows are drawn. ELK places them; what goes in and what comes out is pure.
import type { ElkExtendedEdge, ElkNode, ELK } from "elkjs/lib/elk-api";
import type { Arrow, Box, Graph } from "./graph";

export type Direction = "DOWN" | "RIGHT";

export interface PlacedBox extends Box {
  x: number;
  y: number;
  width: number;
  height: number;
  /** How many groups it is inside of. */
  depth: number;
}

export interface PlacedArrow extends Arrow {
  points: { x: number; y: number }[];
  labelAt?: { x: number; y: number; width: number };
  depth: number;
}

export interface Layout {
  width: number;
  height: number;
  boxes: PlacedBox[];
  arrows: PlacedArrow[];
}

export const BOX = { width: 200, height: 56 };
const MARK = { width: 64, height: 32 };
/** Height of a group's title. */
export const TITLE = 44;
/** Labels are cut to this many letters; the whole text shows on pointing. */
export const LABEL_LETTERS = 34;
const LETTER = 6.2;

/** Returns the layout of a graph. */
export async function layOut(graph: Graph, elk: Pick<ELK, "layout">, direction: Direction = "DOWN"): Promise<Layout> {
  return placed(graph, await elk.layout(toElk(graph, direction)));
}

/** What ELK is asked. */
export function toElk(graph: Graph, direction: Direction): ElkNode {
  const owners = new Map(graph.boxes.map((box) => [box.id, box.owner]));
  const childrenOf = grouped(graph.boxes, (box) => box.owner);
  const arrowsOf = grouped(graph.arrows, (arrow) => owners.get(arrow.from));
  const node = (box: Box): ElkNode => {
    const inside = childrenOf.get(box.id);
    if (inside === undefined) {
      const size = box.kind === "start" || box.kind === "end" ? MARK : BOX;
      return { id: box.id, ...size, ...constraint(box) };
    }
    return {
      id: box.id,
      layoutOptions: { ...options(direction), "elk.padding": `[top=${TITLE + 16},left=20,bottom=20,right=20]` },
      children: inside.map(node),
      edges: (arrowsOf.get(box.id) ?? []).map(edge),
    };
  };
  return {
    id: "\u0000root",
    layoutOptions: options(direction),
    children: (childrenOf.get(undefined) ?? []).map(node),
    edges: (arrowsOf.get(undefined) ?? []).map(edge),
  };
}

function constraint(box: Box) {
  if (box.kind === "start") return { layoutOptions: { "elk.layered.layering.layerConstraint": "FIRST" } };
  if (box.kind === "end") return { layoutOptions: { "elk.layered.layering.layerConstraint": "LAST" } };
  return {};
}

function options(direction: Direction): Record<string, string> {
  return {
    "elk.algorithm": "layered",
    "elk.direction": direction,
    "elk.edgeRouting": "ORTHOGONAL",
    "elk.layered.considerModelOrder.strategy": "NODES_AND_EDGES",
    "elk.layered.nodePlacement.strategy": "BRANDES_KOEPF",
    "elk.layered.nodePlacement.bk.fixedAlignment": "BALANCED",
    "elk.spacing.nodeNode": "32",
    "elk.layered.spacing.nodeNodeBetweenLayers": "40",
    "elk.spacing.edgeNode": "20",
    "elk.spacing.edgeEdge": "12",
    "elk.layered.spacing.edgeNodeBetweenLayers": "16",
    "elk.edgeLabels.inline": "true",
    "elk.padding": "[top=16,left=16,bottom=16,right=16]",
  };
}

/** The text of a label as it is drawn. */
export function shortLabel(label: string): string {
  return label.length > LABEL_LETTERS ? `${label.slice(0, LABEL_LETTERS - 1)}…` : label;
}

function edge(arrow: Arrow): ElkExtendedEdge {
  const labels = arrow.label === undefined ? [] : [{
    id: `label-${arrow.id}`,
    text: shortLabel(arrow.label),
    width: shortLabel(arrow.label).length * LETTER + 12,
    height: 18,
  }];
  return { id: arrow.id, sources: [arrow.from], targets: [arrow.to], labels };
}

function grouped<T>(all: T[], by: (one: T) => string | undefined): Map<string | undefined, T[]> {
  const groups = new Map<string | undefined, T[]>();
  for (const one of all) {
    const group = groups.get(by(one));
    if (group === undefined) groups.set(by(one), [one]);
    else group.push(one);
  }
  return groups;
}

/** Reads ELK's answer: places relative to a group become places in the whole. */
function placed(graph: Graph, root: ElkNode): Layout {
  const boxes = new Map(graph.boxes.map((box) => [box.id, box]));
  const arrows = new Map(graph.arrows.map((arrow) => [arrow.id, arrow]));
  const layout: Layout = { width: root.width ?? 0, height: root.height ?? 0, boxes: [], arrows: [] };
  const waiting = [{ node: root, x: 0, y: 0, depth: 0 }];
  for (let at = waiting.shift(); at !== undefined; at = waiting.shift()) {
    const { x, y, depth } = at;
    for (const child of at.node.children ?? []) {
      const box = boxes.get(child.id);
      if (box === undefined) continue;
      const place = { x: x + (child.x ?? 0), y: y + (child.y ?? 0) };
      layout.boxes.push({ ...box, ...place, width: child.width ?? 0, height: child.height ?? 0, depth });
      waiting.push({ node: child, ...place, depth: depth + 1 });
    }
    for (const line of at.node.edges ?? []) {
      const arrow = arrows.get(line.id);
      const section = (line as ElkExtendedEdge).sections?.[0];
      if (arrow === undefined || section === undefined) continue;
      const points = [section.startPoint, ...(section.bendPoints ?? []), section.endPoint];
      const label = line.labels?.[0];
      layout.arrows.push({
        ...arrow,
        depth,
        points: points.map((point) => ({ x: x + point.x, y: y + point.y })),
        labelAt: label && { x: x + (label.x ?? 0), y: y + (label.y ?? 0), width: label.width ?? 0 },
      });
    }
  }
  return layout;
}

/** A line through points, with round corners, as an SVG path. */
export function pathOf(points: { x: number; y: number }[], radius = 8): string {
  const [first, ...rest] = points;
  if (first === undefined) return "";
  let path = `M${first.x},${first.y}`;
  let before = first;
  rest.forEach((point, at) => {
    const after = rest[at + 1];
    if (after === undefined) {
      path += `L${point.x},${point.y}`;
      return;
    }
    const near = toward(point, before, radius);
    const far = toward(point, after, radius);
    path += `L${near.x},${near.y}Q${point.x},${point.y} ${far.x},${far.y}`;
    before = point;
  });
  return path;
}

function toward(from: { x: number; y: number }, to: { x: number; y: number }, most: number) {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const part = length === 0 ? 0 : Math.min(most, length / 2) / length;
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
}
