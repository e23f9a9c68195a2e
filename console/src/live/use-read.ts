// Reading something and reading it again when the server says that it changed.
import { useCallback, useEffect, useRef, useState } from "react";
import { type Change, stream } from "./stream";

export interface Read<T> {
  value: T | undefined;
  error: unknown;
  /** Nothing was read yet. */
  loading: boolean;
  again: () => void;
}

/**
 * Reads with `read`, and again after each change that `concerns` it. What was read stays while it is
 * read again; changes that come meanwhile are one more reading. `key` names what is read: another key
 * begins anew.
 */
export function useRead<T>(
  key: string,
  read: (signal: AbortSignal, before: T | undefined) => Promise<T>,
  concerns: (change: Change) => boolean,
): Read<T> {
  const [state, setState] = useState<{ key: string; value?: T; error?: unknown }>({ key });
  const latest = useRef({ read, concerns });
  latest.current = { read, concerns };
  const trigger = useRef(() => {});

  useEffect(() => {
    const aborting = new AbortController();
    let value: T | undefined;
    let reading = false;
    let wanted = false;
    const run = async () => {
      if (reading) {
        wanted = true;
        return;
      }
      reading = true;
      do {
        wanted = false;
        try {
          value = await latest.current.read(aborting.signal, value);
          if (!aborting.signal.aborted) setState({ key, value });
        } catch (error) {
          if (!aborting.signal.aborted) setState({ key, value, error });
        }
      } while (wanted && !aborting.signal.aborted);
      reading = false;
    };
    trigger.current = run;
    void run();
    const stop = stream.listen((change) => {
      if (change.all || latest.current.concerns(change)) void run();
    });
    return () => {
      aborting.abort();
      stop();
    };
  }, [key]);

  const current = state.key === key ? state : { key };
  const again = useCallback(() => trigger.current(), []);
  return {
    value: current.value,
    error: current.error,
    loading: current.value === undefined && current.error === undefined,
    again,
  };
}
