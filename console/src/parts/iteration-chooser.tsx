// Which iteration of each Map the graph shows.
import FormField from "@cloudscape-design/components/form-field";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { memo } from "react";
import type { Outline } from "../definition/outline";
import { type Chosen, WORDS, chosenVisits, iterationsOf } from "../history/status";
import type { Story } from "../history/visit";

interface IterationChooserProps {
  story: Story;
  outline: Outline;
  chosen: Chosen;
  onChange: (chosen: Chosen) => void;
}

/** With many iterations this is much to draw: the passing of time alone draws nothing anew. */
export const IterationChooser = memo(function IterationChooser({ story, outline, chosen, onChange }: IterationChooserProps) {
  // A Map within a Map has iterations once one of the outer Map is chosen.
  const shown = chosenVisits(story, chosen);
  const choosers = outline.maps().map((name) => {
    const map = shown.findLast((visit) => visit.name === name);
    const around = outline.mapsAround(name);
    const ready = map !== undefined && around.every((outer) => chosen[outer] !== undefined);
    return { name, iterations: ready ? iterationsOf(story, map) : [] };
  });
  const some = choosers.filter(({ iterations }) => iterations.length > 0);
  if (some.length === 0) return null;
  return (
    <SpaceBetween direction="horizontal" size="s">
      {some.map(({ name, iterations }) => {
        const all = { value: "", label: `All ${iterations.length} iterations` };
        const option = ({ index, status }: (typeof iterations)[number]) => ({ value: String(index), label: `#${index}`, labelTag: WORDS[status] });
        const bad = iterations.filter(({ status }) => status === "failed" || status === "aborted");
        const options = [
          all,
          ...(bad.length === 0 ? [] : [{ label: "Failed and canceled", options: bad.map(option) }]),
          { label: "All", options: iterations.map(option) },
        ];
        const selected = iterations.find(({ index }) => index === chosen[name]);
        return (
          <FormField key={name} label={<bdi>{name}</bdi>}>
            <Select
              ariaLabel={`Iteration of ${name}`}
              virtualScroll
              filteringType="auto"
              options={options}
              selectedOption={selected === undefined ? all : option(selected)}
              onChange={({ detail }) => {
                const value = detail.selectedOption.value ?? "";
                onChange({ ...chosen, [name]: value === "" ? undefined : Number(value) });
              }}
            />
          </FormField>
        );
      })}
    </SpaceBetween>
  );
});
