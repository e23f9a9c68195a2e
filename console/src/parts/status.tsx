// A status as colour, shape and word: never by colour alone.
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import type { ExecutionStatus } from "../api/__generated__/states";
import { WORDS } from "../history/status";
import type { Status } from "../history/visit";

const EXECUTION: Record<string, [StatusIndicatorProps.Type, string]> = {
  RUNNING: ["in-progress", "Running"],
  SUCCEEDED: ["success", "Succeeded"],
  FAILED: ["error", "Failed"],
  TIMED_OUT: ["error", "Timed out"],
  ABORTED: ["stopped", "Aborted"],
  PENDING_REDRIVE: ["pending", "Pending redrive"],
};

/** The status of an execution or of a map run. */
export function ExecutionStatusMark({ status }: { status: ExecutionStatus | string }) {
  const [type, word] = EXECUTION[status] ?? ["info", status];
  return <StatusIndicator type={type} colorOverride={status === "RUNNING" ? "blue" : undefined}>{word}</StatusIndicator>;
}

/** Returns the word of an execution's status. */
export function executionWord(status: string): string {
  return EXECUTION[status]?.[1] ?? status;
}

const SHAPES: Record<Status, React.ReactNode> = {
  running: <path d="M8 2a6 6 0 1 1-5.2 3" fill="none" stroke="currentColor" strokeWidth="2.2" strokeLinecap="round" />,
  waiting: <path d="M4 2h8M4 14h8M5 2c0 3.5 6 4.5 6 12M11 2c0 3.5-6 4.5-6 12" fill="none" stroke="currentColor" strokeWidth="1.7" strokeLinecap="round" />,
  succeeded: <path d="M3 8.5 6.5 12 13 4.5" fill="none" stroke="currentColor" strokeWidth="2.2" strokeLinecap="round" strokeLinejoin="round" />,
  failed: <path d="m4 4 8 8m0-8-8 8" fill="none" stroke="currentColor" strokeWidth="2.2" strokeLinecap="round" />,
  caught: <path d="M8 2 14.5 13.5h-13ZM8 6.3v3.4m0 1.7v.4" fill="none" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round" />,
  aborted: <path d="M4 8h8" fill="none" stroke="currentColor" strokeWidth="2.4" strokeLinecap="round" />,
  notStarted: <circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" strokeWidth="1.5" strokeDasharray="3 2.2" />,
};

/** The shape of a state's status. */
export function StatusShape({ status }: { status: Status }) {
  return (
    <svg className={`shape ${status === "running" ? "turning" : ""}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      {SHAPES[status]}
    </svg>
  );
}

/** The status of a state: shape and word. */
export function StateStatusMark({ status }: { status: Status }) {
  return (
    <span className={`state-mark tone-${status}`}>
      <StatusShape status={status} />
      {WORDS[status]}
    </span>
  );
}

/** What the colours mean. */
export function Legend() {
  return (
    <ul className="legend" aria-label="What the colors mean">
      {(Object.keys(WORDS) as Status[]).map((status) => (
        <li key={status}>
          <StateStatusMark status={status} />
        </li>
      ))}
    </ul>
  );
}
