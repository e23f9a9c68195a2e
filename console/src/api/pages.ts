// Lists that come in pages.
import type { Operations } from "./__generated__/states";
import { call } from "./call";

type Paged = {
  [O in keyof Operations]: Operations[O]["output"] extends { nextToken?: string } ? O : never;
}[keyof Operations];

/** Reads all pages of a list, up to `most` of its lines; says whether there are more. */
export async function readAll<O extends Paged, T>(
  operation: O,
  input: Operations[O]["input"],
  lines: (output: Operations[O]["output"]) => T[],
  most: number,
  signal?: AbortSignal,
): Promise<{ lines: T[]; more: boolean }> {
  const read: T[] = [];
  let nextToken: string | undefined;
  do {
    const output = await call(operation, { ...input, nextToken } as Operations[O]["input"], signal);
    read.push(...lines(output));
    nextToken = (output as { nextToken?: string }).nextToken;
  } while (nextToken !== undefined && read.length < most);
  return { lines: read, more: nextToken !== undefined };
}
