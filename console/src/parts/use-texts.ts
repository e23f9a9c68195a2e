// A text with what it was before and what it was after: for undo and redo over all ways to change it.
import { useCallback, useRef, useState } from "react";

const KEPT = 200;
/** Typing without a pause is one step. */
const PAUSE_MS = 700;

export function useTexts(begin: string) {
  const [state, setState] = useState({ texts: [begin], at: 0, version: 0 });
  const typedAt = useRef(0);
  const text = state.texts[state.at] ?? begin;

  /** A step of its own, from a form or the palette. */
  const set = useCallback((next: string) => {
    typedAt.current = 0;
    setState(({ texts, at, version }) => {
      if (texts[at] === next) return { texts, at, version };
      const kept = [...texts.slice(Math.max(0, at + 1 - KEPT), at + 1), next];
      return { texts: kept, at: kept.length - 1, version };
    });
  }, []);
  /** What is typed; letters that follow quickly belong together. */
  const type = useCallback((next: string) => {
    const together = Date.now() - typedAt.current < PAUSE_MS;
    typedAt.current = Date.now();
    setState(({ texts, at, version }) => {
      if (texts[at] === next) return { texts, at, version };
      const kept = [...texts.slice(Math.max(0, at + 1 - KEPT), together && at > 0 ? at : at + 1), next];
      return { texts: kept, at: kept.length - 1, version: version + 1 };
    });
  }, []);
  const move = useCallback((step: number) => {
    typedAt.current = 0;
    setState(({ texts, at, version }) => ({ texts, at: Math.min(texts.length - 1, Math.max(0, at + step)), version: version + 1 }));
  }, []);
  return {
    text,
    /** Changes with each change that did not come from a form. */
    version: state.version,
    set,
    type,
    undo: () => move(-1),
    redo: () => move(1),
    canUndo: state.at > 0,
    canRedo: state.at < state.texts.length - 1,
  };
}
