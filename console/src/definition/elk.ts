// ELK in a worker of its own: big graphs are laid out while the page stays smooth.
import ELK from "elkjs/lib/elk-api";
import workerUrl from "elkjs/lib/elk-worker.min.js?url";

let elk: InstanceType<typeof ELK> | undefined;

/** Returns the one layout engine of the page; starts it when it is first needed. */
export function engine(): InstanceType<typeof ELK> {
  elk ??= new ELK({ workerUrl, workerFactory: (url) => new Worker(url ?? workerUrl) });
  return elk;
}
