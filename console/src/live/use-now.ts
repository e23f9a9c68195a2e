// The present, in seconds, moving while something runs.
import { useEffect, useState } from "react";

export function useNow(moves: boolean): number {
  const [now, setNow] = useState(() => Date.now() / 1_000);
  useEffect(() => {
    if (!moves) return;
    const timer = setInterval(() => setNow(Date.now() / 1_000), 1_000);
    return () => clearInterval(timer);
  }, [moves]);
  return now;
}
