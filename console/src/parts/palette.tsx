// The states that can be added: dragged onto the graph, or put behind the selected one with a key.
import { NEW_STATES } from "../definition/edit";
import type { State } from "../definition/outline";
import "./palette.css";

const KIND = "application/x-stepd-state";

interface PaletteProps {
  onAdd: (name: string, state: State) => void;
  behind: string | undefined;
}

export function Palette({ onAdd, behind }: PaletteProps) {
  const groups = [...new Set(NEW_STATES.map((one) => one.group))];
  const where = behind === undefined ? "at the beginning" : `behind ${behind}`;
  return (
    <div className="palette" role="group" aria-label="New states">
      {groups.map((group) => (
        <div key={group}>
          <strong>{group}</strong>
          {NEW_STATES.filter((one) => one.group === group).map((one) => (
            <button
              key={one.type}
              type="button"
              draggable
              title={`Drag it onto a state, or press it to add it ${where}`}
              onDragStart={(event) => event.dataTransfer.setData(KIND, one.type)}
              onClick={() => onAdd(one.name, one.state)}
            >
              {one.type}
            </button>
          ))}
        </div>
      ))}
    </div>
  );
}

/** Returns what was dropped, if it came from here. */
Palette.dropped = (event: React.DragEvent) => {
  const type = event.dataTransfer.getData(KIND);
  return NEW_STATES.find((one) => one.type === type);
};
