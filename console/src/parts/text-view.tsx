// A value as text: whatever is in it, it is text, and a very long one is cut until asked for.
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import { useMemo, useState } from "react";
import { pretty } from "./words";

const LETTERS_SHOWN = 20_000;

export function TextView({ value, label }: { value: unknown; label: string }) {
  const text = useMemo(() => pretty(value), [value]);
  const [whole, setWhole] = useState(false);
  if (text === "") return <Box color="text-status-inactive">Nothing</Box>;
  const cut = !whole && text.length > LETTERS_SHOWN;
  return (
    <div className="text-view">
      <div className="text-view-copy">
        <CopyToClipboard variant="icon" copyButtonAriaLabel={`Copy ${label}`} copySuccessText="Copied" copyErrorText="Not copied" textToCopy={text} />
      </div>
      <pre tabIndex={0} aria-label={label} role="region" dir="auto">{cut ? text.slice(0, LETTERS_SHOWN) : text}</pre>
      {cut && (
        <Button variant="inline-link" onClick={() => setWhole(true)}>
          Show all {text.length.toLocaleString()} characters
        </Button>
      )}
    </div>
  );
}
