// Where in the text of a definition something is that is named by a JSON pointer.
import { jsonLanguage } from "@codemirror/lang-json";

/** Returns the place of `/States/Ask/Next`; of what is not there, that of the nearest that is. */
export function placeOf(text: string, pointer: string): { from: number; to: number } {
  let node = jsonLanguage.parser.parse(text).topNode.firstChild;
  let found = { from: 0, to: Math.min(1, text.length) };
  for (const part of pointer.split("/").slice(1).map((one) => one.replaceAll("~1", "/").replaceAll("~0", "~"))) {
    if (node === null) break;
    if (node.name === "Array") {
      let item = node.firstChild;
      for (let at = -1; item !== null; item = item.nextSibling) {
        if (/^[[\],]$/.test(item.name)) continue;
        at += 1;
        if (String(at) === part) break;
      }
      node = item;
    } else {
      const property = node.getChildren("Property").find((one) => {
        const name = one.getChild("PropertyName");
        return name !== null && unquoted(text.slice(name.from, name.to)) === part;
      });
      const name = property?.getChild("PropertyName");
      if (name) found = { from: name.from, to: name.to };
      node = property?.lastChild ?? null;
      continue;
    }
    if (node !== null) found = { from: node.from, to: node.to };
  }
  return found;
}

function unquoted(text: string): string {
  try {
    return JSON.parse(text) as string;
  } catch {
    return text;
  }
}
