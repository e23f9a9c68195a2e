// The recorded histories, where there are some.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { HistoryEvent } from "../src/api/__generated__/states";
import type { Flow } from "../src/definition/outline";

export interface Recording {
  name: string;
  definition: Flow;
  status: string;
  history: HistoryEvent[];
}

const root = process.env.STEPD_CORPUS ?? join(import.meta.dirname, "../../../shared/corpus");

export const hasCorpus = existsSync(join(root, "history"));
if (!hasCorpus) console.log(`skipped: there are no recorded histories in ${root} (STEPD_CORPUS says where)`);

/** Returns every recorded history. */
export function recordings(): Recording[] {
  const found: Recording[] = [];
  const folders = hasCorpus ? [join(root, "history")] : [];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      if (statSync(path).isDirectory()) folders.push(path);
      else if (name.endsWith(".json")) found.push(read(path));
    }
  }
  return found;
}

/** Numbers and moments were scrubbed from some recordings: the order of the events is what counts. */
function read(path: string): Recording {
  const { definition, expected } = JSON.parse(readFileSync(path, "utf8"));
  const history = expected.history.map((event: HistoryEvent, at: number) => ({
    ...event,
    id: at + 1,
    previousEventId: typeof event.previousEventId === "number" ? event.previousEventId : 0,
    timestamp: at,
  }));
  return { name: path.slice(root.length + 1), definition, status: expected.status, history };
}
