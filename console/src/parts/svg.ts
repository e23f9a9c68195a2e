// A graph as one SVG text, to keep or to send: what the page shows, without the page.
import { type Layout, TITLE, pathOf, shortLabel } from "../definition/layout";
import { WORDS } from "../history/status";
import type { Status } from "../history/visit";

const COLORS: Record<Status, [fill: string, line: string]> = {
  running: ["#e6f1fd", "#0972d3"],
  waiting: ["#f3ecfd", "#7d3ac1"],
  succeeded: ["#e8f6ea", "#1d8102"],
  failed: ["#fdecea", "#d91515"],
  caught: ["#fff3e0", "#b35300"],
  aborted: ["#eceff1", "#5f6b7a"],
  notStarted: ["#ffffff", "#7d8998"],
};

const escape = (text: string) =>
  text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`)
    // What XML cannot hold at all.
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd");

const short = (text: string, letters: number) => (text.length > letters ? `${text.slice(0, letters - 1)}…` : text);

/** Returns the picture. */
export function svgOf(layout: Layout, statuses: Map<string, Status>): string {
  const parts = layout.arrows.map((arrow) => {
    const dash = arrow.kind === "catch" ? ' stroke-dasharray="5 4"' : "";
    const path = `<path d="${pathOf(arrow.points)}" fill="none" stroke="#5f6b7a" stroke-width="1.5"${dash} marker-end="url(#tip)"/>`;
    const at = arrow.labelAt;
    if (at === undefined || arrow.label === undefined) return path;
    const middle = at.x + at.width / 2;
    return `${path}<rect x="${at.x}" y="${at.y}" width="${at.width}" height="18" rx="4" fill="#fff"/>`
      + `<text x="${middle}" y="${at.y + 13}" text-anchor="middle" font-size="11" fill="#414d5c">${escape(shortLabel(arrow.label))}</text>`;
  });
  const boxes = layout.boxes.map((box) => {
    const status = statuses.get(box.name) ?? "notStarted";
    const [fill, line] = box.kind === "state" || box.kind === "group" ? COLORS[status] : COLORS.notStarted;
    const middle = box.x + box.width / 2;
    const frame = (radius: number, inside: string) =>
      `<rect x="${box.x}" y="${box.y}" width="${box.width}" height="${box.height}" rx="${radius}" fill="${inside}" stroke="${line}" stroke-width="1.5"/>`;
    const text = (y: number, size: number, words: string, weight = "400") =>
      `<text x="${middle}" y="${y}" text-anchor="middle" font-size="${size}" font-weight="${weight}" fill="#16191f">${escape(words)}</text>`;
    if (box.kind === "start" || box.kind === "end") return frame(box.height / 2, "#fff") + text(box.y + 21, 13, box.name);
    const title = `<title>${escape(`${box.name}: ${WORDS[status]}`)}</title>`;
    const about = `${box.type}${box.subtitle ? ` · ${box.subtitle}` : ""} · ${WORDS[status]}`;
    if (box.kind === "group") {
      return `<g>${title}${frame(8, "none")}${text(box.y + 20, 13, short(box.name, 40), "600")}${text(box.y + TITLE - 8, 11, about)}</g>`;
    }
    return `<g>${title}${frame(8, fill)}${text(box.y + 24, 13, short(box.name, 26), "600")}${text(box.y + 42, 10, short(about, 36))}</g>`;
  });
  // Groups first, so that what is inside of them is drawn above; then the arrows.
  const groups = boxes.filter((_, at) => layout.boxes[at]?.kind === "group");
  const others = boxes.filter((_, at) => layout.boxes[at]?.kind !== "group");
  const { width, height } = layout;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="Amazon Ember, Open Sans, Helvetica, Arial, sans-serif">`
    + `<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0,0L8,4L0,8Z" fill="#5f6b7a"/></marker></defs>`
    + `<rect width="100%" height="100%" fill="#fff"/>${groups.join("")}${parts.join("")}${others.join("")}</svg>`;
}

/** Returns the picture as PNG, twice as fine as the screen. */
export async function pngOf(svg: string, width: number, height: number): Promise<Blob> {
  const url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    // Browsers refuse canvases beyond some size.
    const scale = Math.min(2, 16_000 / Math.max(width, height, 1));
    canvas.width = Math.ceil(width * scale);
    canvas.height = Math.ceil(height * scale);
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((done, failed) => {
      canvas.toBlob((blob) => (blob === null ? failed(new Error("The picture is too large.")) : done(blob)), "image/png");
    });
  } finally {
    URL.revokeObjectURL(url);
  }
}
