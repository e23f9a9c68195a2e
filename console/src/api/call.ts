// One call of the API: the page has no other way to the server than everybody's.
import type { Operations } from "./__generated__/states";

/** What the server answers when it does not do what it was asked. */
export class CallError extends Error {
  constructor(
    /** The code as the API names it: `ExecutionDoesNotExist`. */
    readonly code: string,
    message: string,
    readonly status: number,
    /** Further members of the answer. */
    readonly fields: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

/** A header that only a script of this origin can send. */
const OURS = { "x-stepd-console": "1" };

/** Told when nobody is signed in any more. */
export const signedOut = new EventTarget();

/** Sends a request to the console's own paths; `undefined` is sent as no body. */
export async function request<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(`/console/${path}`, {
      method,
      headers: { ...OURS, "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ?? null,
      credentials: "same-origin",
      cache: "no-store",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new CallError("Unreachable", "The server cannot be reached. The page goes on as soon as it is back.", 0);
  }
  const said: Record<string, unknown> = await answer.json().catch(() => ({}));
  if (answer.ok) return said as T;
  const failure = new CallError(String(said.__type ?? answer.status), String(said.message ?? answer.statusText), answer.status, said);
  if (failure.code === "NotSignedIn") signedOut.dispatchEvent(new Event("signedOut"));
  throw failure;
}

/** Calls an operation of Step Functions as whoever is signed in. */
export function call<O extends keyof Operations>(
  operation: O,
  input: Operations[O]["input"],
  signal?: AbortSignal,
): Promise<Operations[O]["output"]> {
  return request("POST", `api/${operation}`, input, signal);
}

/** A number of executions; at a thousand the server stops counting. */
export type Count = number | { atLeast: number };
export type Counts = Record<string, Record<string, Count> | null>;

/** Counts the executions of machines by status. */
export function counts(stateMachineArns: string[], signal?: AbortSignal): Promise<Counts> {
  return request("POST", "api/counts", { stateMachineArns }, signal);
}

export interface Who {
  arn: string;
  expiresAt: number;
}

/** Returns who is signed in. */
export function who(): Promise<Who> {
  return request("GET", "session");
}

/** Signs in with a link's token, which works once. */
export function signIn(token: string): Promise<Who> {
  return request("POST", "session", { token });
}

export function signOut(): Promise<unknown> {
  return request("DELETE", "session");
}

/** What to show of a failure. */
export function said(error: unknown): string {
  if (error instanceof CallError) return error.code === "Unreachable" ? error.message : `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
