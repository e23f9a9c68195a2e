// The one stream of changes that the page hears, whatever it shows.

/** What the server says: what to read again. */
export interface Change {
  /** Everything: the page just connected, or missed something. */
  all: boolean;
  /** Watched executions with the number of their last event. */
  executions: Record<string, number>;
  /** Machines whose executions went on. */
  machines: string[];
  /** Machines of which an execution began or ended. */
  lists: string[];
}

type Listener = (change: Change) => void;
type Connection = "connecting" | "open" | "lost";

const EVERYTHING: Change = { all: true, executions: {}, machines: [], lists: [] };
const PATIENCE_MS = 1_000;

class Stream {
  private listeners = new Set<Listener>();
  private watched = new Map<string, number>();
  private connections = new Set<(connection: Connection) => void>();
  private source: EventSource | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  connection: Connection = "connecting";

  /** Hears changes until the returned function is called. */
  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    this.later(0);
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.close();
    };
  }

  /** Hears of an execution's events too. */
  watch(executionArn: string): () => void {
    const count = this.watched.get(executionArn) ?? 0;
    this.watched.set(executionArn, count + 1);
    if (count === 0) this.renew();
    return () => {
      const left = (this.watched.get(executionArn) ?? 1) - 1;
      if (left > 0) this.watched.set(executionArn, left);
      else this.watched.delete(executionArn);
    };
  }

  /** Hears whether the server can be heard. */
  onConnection(listener: (connection: Connection) => void): () => void {
    this.connections.add(listener);
    return () => this.connections.delete(listener);
  }

  private renew() {
    this.close();
    this.later(0);
  }

  private later(ms: number) {
    if (this.source !== undefined || this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.open();
    }, ms);
  }

  private open() {
    if (this.listeners.size === 0) return;
    const query = [...this.watched.keys()].map((arn) => `execution=${encodeURIComponent(arn)}`).join("&");
    const source = new EventSource(`/console/live?${query}`);
    this.source = source;
    source.onmessage = (event) => this.tell({ all: false, ...JSON.parse(event.data) });
    source.addEventListener("resync", () => {
      this.set("open");
      this.tell(EVERYTHING);
    });
    source.onerror = () => {
      this.set("lost");
      if (source.readyState !== EventSource.CLOSED) return;
      // The browser gives up on an answer that is no stream; the server may be starting.
      this.close();
      this.later(PATIENCE_MS);
    };
  }

  private close() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.source?.close();
    this.source = undefined;
  }

  private set(connection: Connection) {
    if (this.connection === connection) return;
    this.connection = connection;
    for (const listener of this.connections) listener(connection);
  }

  private tell(change: Change) {
    for (const listener of [...this.listeners]) listener(change);
  }
}

export const stream = new Stream();
