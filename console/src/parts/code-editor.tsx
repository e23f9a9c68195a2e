// An editor for JSON with its errors in place.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, type CompletionContext } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { json, jsonParseLinter } from "@codemirror/lang-json";
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, bracketMatching, foldGutter, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, forceLinting, lintGutter, linter } from "@codemirror/lint";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import { EditorView, drawSelection, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "react";
import type { Completions } from "../definition/complete";

export interface CodeEditorProps {
  value: string;
  onChange?: (value: string) => void;
  label: string;
  language?: "json" | "yaml";
  readOnly?: boolean;
  height?: string;
  /** More findings than the parser's; read again when the value changes. */
  diagnose?: (text: string) => Promise<Diagnostic[]>;
  /** What can be written at a place. */
  complete?: (text: string, at: number) => Completions | undefined;
  extensions?: Extension;
}

/** The page's nonce: the style sheet that the editor adds carries it. */
const nonce = () => document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";

const JSON_ERRORS = jsonParseLinter();

// The colors themselves are the page's, so that they follow its mode.
const COLORS = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], class: "code-name" },
  { tag: tags.string, class: "code-string" },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], class: "code-value" },
  { tag: tags.comment, class: "code-comment" },
]);

export default function CodeEditor(props: CodeEditorProps) {
  const { value, label, language = "json", readOnly = false, height = "260px" } = props;
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const languageSlot = useRef(new Compartment());

  useEffect(() => {
    const found = async (view: EditorView): Promise<Diagnostic[]> => {
      const text = view.state.doc.toString();
      const broken = latest.current.language === "yaml" || text.trim() === "" ? [] : JSON_ERRORS(view);
      if (broken.length > 0 || latest.current.diagnose === undefined) return broken;
      return latest.current.diagnose(text);
    };
    const offered = (context: CompletionContext) => {
      const found = latest.current.complete?.(context.state.doc.toString(), context.pos);
      // Where nothing is begun, it is offered when it is asked for.
      if (found === undefined || (found.from === context.pos && !context.explicit)) return null;
      return { from: found.from, options: found.options.map((one) => ({ ...one, type: "property" })), validFor: /^[\w.:-]*$/ };
    };
    const editor = new EditorView({
      parent: place.current ?? document.body,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          EditorView.cspNonce.of(nonce()),
          lineNumbers(), foldGutter(), lintGutter(), history(), drawSelection(), highlightActiveLine(),
          indentOnInput(), bracketMatching(), closeBrackets(), autocompletion({ override: [offered] }),
          syntaxHighlighting(COLORS),
          languageSlot.current.of([]),
          linter(found, { delay: 300 }),
          EditorView.lineWrapping,
          EditorState.readOnly.of(readOnly),
          EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onChange?.(update.state.doc.toString());
          }),
          keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap, indentWithTab]),
          latest.current.extensions ?? [],
        ],
      }),
    });
    view.current = editor;
    return () => editor.destroy();
  }, [readOnly, label]);

  useEffect(() => {
    const support = language === "yaml" ? yaml() : json();
    view.current?.dispatch({ effects: languageSlot.current.reconfigure(support) });
    if (view.current !== undefined) forceLinting(view.current);
  }, [language, readOnly, label]);

  useEffect(() => {
    const editor = view.current;
    const present = editor?.state.doc.toString();
    if (editor === undefined || present === value) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
  }, [value]);

  return <div ref={place} className="code-editor" style={{ height }} />;
}
