// The graph of a definition with the status of each state.
import "@xyflow/react/dist/style.css";
import "./graph-view.css";
import Alert from "@cloudscape-design/components/alert";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import Spinner from "@cloudscape-design/components/spinner";
import {
  BaseEdge, type Edge, type EdgeProps, EdgeLabelRenderer, Handle, type Node, type NodeProps, Position, ReactFlow,
  ReactFlowProvider, useReactFlow, MarkerType,
} from "@xyflow/react";
import { memo, useEffect, useMemo, useRef, useState } from "react";
import { engine } from "../definition/elk";
import { graphOf } from "../definition/graph";
import { type Direction, type Layout, type PlacedArrow, type PlacedBox, layOut, pathOf, shortLabel } from "../definition/layout";
import type { Outline } from "../definition/outline";
import { WORDS } from "../history/status";
import type { Status } from "../history/visit";
import { Legend, StatusShape } from "./status";
import { pngOf, svgOf } from "./svg";
import { download } from "./words";

export interface GraphViewProps {
  outline: Outline;
  /** Without: the definition alone. */
  statuses?: Map<string, Status>;
  selected?: string;
  onSelect?: (name: string | undefined) => void;
  /** What files are named after. */
  name: string;
  legend?: boolean;
  height?: string;
}

type BoxNode = Node<{ box: PlacedBox; status?: Status; selected: boolean; onSelect?: (name: string) => void }>;
type ArrowEdge = Edge<{ arrow: PlacedArrow }>;

export default function GraphView(props: GraphViewProps) {
  return (
    <ReactFlowProvider>
      <Graph {...props} />
    </ReactFlowProvider>
  );
}

function useLayout(outline: Outline, direction: Direction) {
  const [layout, setLayout] = useState<Layout>();
  const [error, setError] = useState<string>();
  useEffect(() => {
    let wanted = true;
    layOut(graphOf(outline), engine(), direction).then(
      (made) => {
        if (!wanted) return;
        setLayout(made);
        setError(undefined);
      },
      (failure: unknown) => wanted && setError(String(failure)),
    );
    return () => {
      wanted = false;
    };
  }, [outline, direction]);
  return { layout, error };
}

function Graph({ outline, statuses, selected, onSelect, name, legend = true, height = "480px" }: GraphViewProps) {
  const [direction, setDirection] = useState<Direction>("DOWN");
  const { layout, error } = useLayout(outline, direction);
  const whole = useRef<HTMLDivElement>(null);
  const flow = useReactFlow();

  const nodes = useMemo<BoxNode[]>(
    () => (layout?.boxes ?? []).map((box) => ({
      id: box.id,
      type: box.kind,
      position: { x: box.x, y: box.y },
      width: box.width,
      height: box.height,
      zIndex: box.depth,
      data: { box, status: statuses?.get(box.name), selected: box.name === selected && isState(box), onSelect },
    })),
    [layout, statuses, selected, onSelect],
  );
  const edges = useMemo<ArrowEdge[]>(
    () => (layout?.arrows ?? []).map((arrow) => ({
      id: arrow.id,
      type: "routed",
      source: arrow.from,
      target: arrow.to,
      zIndex: arrow.depth,
      data: { arrow },
      className: `arrow-${arrow.kind}`,
      markerEnd: { type: MarkerType.ArrowClosed, width: 16, height: 16 },
    })),
    [layout],
  );
  const fit = (duration: number) => {
    if (layout !== undefined) void flow.fitBounds(boundsOf(layout, whole.current), { padding: 0.02, duration });
  };
  useEffect(() => {
    if (layout === undefined) return;
    const frame = requestAnimationFrame(() => void flow.fitBounds(boundsOf(layout, whole.current), { padding: 0.02 }));
    return () => cancelAnimationFrame(frame);
  }, [layout, flow]);

  const keep = async (what: string) => {
    if (layout === undefined) return;
    const svg = svgOf(layout, statuses ?? new Map());
    if (what === "svg") download(`${name}.svg`, new Blob([svg], { type: "image/svg+xml" }));
    else download(`${name}.png`, await pngOf(svg, layout.width, layout.height));
  };

  return (
    <div ref={whole} className="graph">
      <div className="graph-tools">
        <SegmentedControl
          label="Direction of the graph"
          selectedId={direction}
          onChange={({ detail }) => setDirection(detail.selectedId as Direction)}
          options={[{ id: "DOWN", text: "Vertical" }, { id: "RIGHT", text: "Horizontal" }]}
        />
        <div className="graph-buttons">
          <Tool label="Zoom in" onClick={() => void flow.zoomIn({ duration: 120 })}>+</Tool>
          <Tool label="Zoom out" onClick={() => void flow.zoomOut({ duration: 120 })}>−</Tool>
          <Tool label="Fit the graph" onClick={() => fit(150)}>Fit</Tool>
          <Tool label="Full screen" onClick={() => toggleFullScreen(whole.current)}><FullScreenShape /></Tool>
          <ButtonDropdown
            items={[{ id: "svg", text: "SVG" }, { id: "png", text: "PNG" }]}
            onItemClick={({ detail }) => void keep(detail.id)}
          >
            Export
          </ButtonDropdown>
        </div>
      </div>
      {error !== undefined && <Alert type="error">The graph could not be laid out: {error}</Alert>}
      <div className="graph-canvas" style={{ height }}>
        {layout === undefined && error === undefined ? (
          <div className="graph-wait"><Spinner size="large" /></div>
        ) : (
          <ReactFlow
            nodes={nodes}
            edges={edges}
            nodeTypes={NODE_TYPES}
            edgeTypes={EDGE_TYPES}
            nodesDraggable={false}
            nodesConnectable={false}
            nodesFocusable={false}
            edgesFocusable={false}
            elementsSelectable={false}
            onlyRenderVisibleElements
            minZoom={0.05}
            maxZoom={2.5}
            proOptions={{ hideAttribution: true }}
            onPaneClick={() => onSelect?.(undefined)}
            preventScrolling={false}
            zoomOnScroll={false}
            panOnScroll={false}
            zoomActivationKeyCode={["Meta", "Control"]}
          />
        )}
      </div>
      {legend && statuses !== undefined && <Legend />}
    </div>
  );
}

/** What is to be in sight: all of the graph, and never so little that boxes become huge. */
function boundsOf(layout: Layout, place: HTMLElement | null) {
  const canvas = place?.querySelector(".graph-canvas");
  const width = Math.max(layout.width, (canvas?.clientWidth ?? 0) / 1.1);
  const height = Math.max(layout.height, (canvas?.clientHeight ?? 0) / 1.1);
  return { x: (layout.width - width) / 2, y: (layout.height - height) / 2, width, height };
}

function isState(box: PlacedBox): boolean {
  return box.kind === "state" || box.kind === "group";
}

function Tool({ label, onClick, children }: { label: string; onClick: () => void; children: React.ReactNode }) {
  return (
    <button type="button" className="graph-tool" aria-label={label} title={label} onClick={onClick}>
      {children}
    </button>
  );
}

function FullScreenShape() {
  return (
    <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      <path d="M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4" fill="none" stroke="currentColor" strokeWidth="2" />
    </svg>
  );
}

function toggleFullScreen(element: HTMLElement | null) {
  if (document.fullscreenElement !== null) void document.exitFullscreen();
  else void element?.requestFullscreen?.();
}

function Ends() {
  return (
    <>
      <Handle type="target" position={Position.Top} isConnectable={false} />
      <Handle type="source" position={Position.Bottom} isConnectable={false} />
    </>
  );
}

const StateNode = memo(({ data }: NodeProps<BoxNode>) => {
  const { box, status, selected, onSelect } = data;
  const about = [box.type, box.subtitle].filter(Boolean).join(" · ");
  const words = status === undefined ? about : `${about}, ${WORDS[status]}`;
  return (
    <div className={`box box-${box.kind} ${status ? `tone-${status}` : "tone-plain"} ${selected ? "box-selected" : ""}`}>
      <Ends />
      <button
        type="button"
        className="box-button nopan"
        aria-pressed={selected}
        data-state={box.name}
        data-status={status}
        title={`${box.name}\n${words}`}
        onClick={(event) => {
          event.stopPropagation();
          onSelect?.(box.name);
        }}
      >
        {status !== undefined && <StatusShape status={status} />}
        <span className="box-text">
          <bdi className="box-name">{box.name}</bdi>{" "}
          <span className="box-about">{box.distributed ? `${about} · distributed` : about}</span>{" "}
          {status !== undefined && <span className="unseen">{WORDS[status]}</span>}
        </span>
      </button>
    </div>
  );
});

const MarkNode = memo(({ data }: NodeProps<BoxNode>) => (
  <div className="mark">
    <Ends />
    {data.box.name}
  </div>
));

const RoutedEdge = memo(({ data, markerEnd }: EdgeProps<ArrowEdge>) => {
  if (data === undefined) return null;
  const { arrow } = data;
  const at = arrow.labelAt;
  return (
    <>
      <BaseEdge path={pathOf(arrow.points)} markerEnd={markerEnd} />
      {at !== undefined && arrow.label !== undefined && (
        <EdgeLabelRenderer>
          <bdi
            className="arrow-label"
            title={arrow.label}
            style={{ transform: `translate(${at.x}px, ${at.y}px)`, width: at.width }}
          >
            {shortLabel(arrow.label)}
          </bdi>
        </EdgeLabelRenderer>
      )}
    </>
  );
});

const NODE_TYPES = { state: StateNode, group: StateNode, start: MarkNode, end: MarkNode };
const EDGE_TYPES = { routed: RoutedEdge };
