// Every recorded definition has a layout: each state has a place, and none lies on another.
import ELK from "elkjs/lib/elk.bundled.js";
import { expect, test } from "vitest";
import { graphOf } from "../src/definition/graph";
import { layOut, pathOf } from "../src/definition/layout";
import { Outline } from "../src/definition/outline";
import { recordings } from "./corpus";

test("every recorded definition is laid out without overlaps", async () => {
  const elk = new ELK();
  const seen = new Set<string>();
  for (const { name, definition } of recordings()) {
    const text = JSON.stringify(definition);
    if (seen.has(text)) continue;
    seen.add(text);
    const outline = new Outline(definition);
    for (const direction of ["DOWN", "RIGHT"] as const) {
      const layout = await layOut(graphOf(outline), elk, direction);
      expect(layout.boxes.length, name).toBe(outline.names().length + 2);
      for (const box of layout.boxes) {
        for (const other of layout.boxes) {
          if (box === other || box.owner !== other.owner) continue;
          const apart = box.x + box.width <= other.x || other.x + other.width <= box.x
            || box.y + box.height <= other.y || other.y + other.height <= box.y;
          expect(apart, `${name}: ${box.name} and ${other.name}`).toBe(true);
        }
        const owner = layout.boxes.find((one) => one.id === box.owner);
        if (owner === undefined) continue;
        const within = box.x >= owner.x && box.y >= owner.y
          && box.x + box.width <= owner.x + owner.width && box.y + box.height <= owner.y + owner.height;
        expect(within, `${name}: ${box.name} in ${owner.name}`).toBe(true);
      }
      for (const arrow of layout.arrows) expect(pathOf(arrow.points), name).toMatch(/^M[-\d.]+,[-\d.]+L/);
    }
  }
});
