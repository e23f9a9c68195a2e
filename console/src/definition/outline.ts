// What a definition is made of: its states by name, and which Map or Parallel each is inside of.

/** A state as it is written. */
export interface State {
  Type: string;
  Comment?: string;
  Next?: string;
  End?: boolean;
  Default?: string;
  Choices?: Choice[];
  Catch?: Catcher[];
  Retry?: Retrier[];
  Branches?: Flow[];
  ItemProcessor?: Flow & { ProcessorConfig?: { Mode?: string; ExecutionType?: string } };
  Iterator?: Flow;
  Resource?: string;
  [field: string]: unknown;
}

/** A rule of a Choice state. */
export interface Choice {
  Next?: string;
  Comment?: string;
  Condition?: string;
  Variable?: string;
  [operator: string]: unknown;
}

export interface Catcher {
  ErrorEquals?: string[];
  Next?: string;
  Comment?: string;
}

export interface Retrier {
  ErrorEquals?: string[];
  IntervalSeconds?: number;
  MaxAttempts?: number;
  BackoffRate?: number;
  Comment?: string;
}

/** States that begin with one and go on to others: a machine, a branch, an iteration. */
export interface Flow {
  StartAt?: string;
  States?: Record<string, State>;
  Comment?: string;
  QueryLanguage?: string;
}

interface Place {
  state: State;
  owner?: string;
  branch?: number;
}

/** The states of a definition by their names, which are unique in it. */
export class Outline {
  private places = new Map<string, Place>();
  readonly root: Flow;

  constructor(root: Flow) {
    this.root = root;
    const waiting: { flow: Flow; owner?: string; branch?: number }[] = [{ flow: root }];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      for (const [name, state] of Object.entries(at.flow.States ?? {})) {
        if (typeof state !== "object" || state === null) continue;
        this.places.set(name, { state, owner: at.owner, branch: at.branch });
        flowsOf(state).forEach((flow, branch) => {
          waiting.push({ flow, owner: name, branch: state.Type === "Parallel" ? branch : undefined });
        });
      }
    }
  }

  names(): string[] {
    return [...this.places.keys()];
  }

  state(name: string): State | undefined {
    return this.places.get(name)?.state;
  }

  /** The Map or Parallel state that holds `name`; nothing at the top. */
  ownerOf(name: string): string | undefined {
    return this.places.get(name)?.owner;
  }

  /** The branch of a Parallel that holds `name`. */
  branchOf(name: string): number | undefined {
    return this.places.get(name)?.branch;
  }

  /** The Map states around `name`, the outermost first. */
  mapsAround(name: string): string[] {
    const around: string[] = [];
    for (let owner = this.ownerOf(name); owner !== undefined; owner = this.ownerOf(owner)) {
      if (this.state(owner)?.Type === "Map") around.unshift(owner);
    }
    return around;
  }

  maps(): string[] {
    return this.names().filter((name) => this.state(name)?.Type === "Map");
  }
}

/** The flows inside of a state. */
export function flowsOf(state: State): Flow[] {
  if (Array.isArray(state.Branches)) return state.Branches;
  const flow = state.ItemProcessor ?? state.Iterator;
  return flow === undefined ? [] : [flow];
}

/** Says whether a Map's iterations are executions of their own. */
export function isDistributed(state: State): boolean {
  return state.ItemProcessor?.ProcessorConfig?.Mode === "DISTRIBUTED";
}

/** Reads a definition's text; nothing if it is not an object of JSON. */
export function readDefinition(text: string): Outline | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? new Outline(value as Flow) : undefined;
  } catch {
    return undefined;
  }
}
