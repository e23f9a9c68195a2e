// Which columns of a table are shown: remembered in this browser.
import CollectionPreferences from "@cloudscape-design/components/collection-preferences";
import { useState } from "react";

interface Column {
  id: string;
  label: string;
  /** It always shows. */
  fixed?: boolean;
}

export function useColumns(table: string, columns: Column[]) {
  const key = `stepd-columns-${table}`;
  const [hidden, setHidden] = useState<ReadonlySet<string>>(() => new Set(known(key)));
  const shown = columns.filter((column) => column.fixed || !hidden.has(column.id)).map((column) => column.id);
  const preferences = (
    <CollectionPreferences
      title="Preferences"
      confirmLabel="Confirm"
      cancelLabel="Cancel"
      preferences={{ visibleContent: shown }}
      onConfirm={({ detail }) => {
        const wanted = detail.visibleContent ?? [];
        const next = columns.map((column) => column.id).filter((id) => !wanted.includes(id));
        setHidden(new Set(next));
        try {
          localStorage.setItem(key, JSON.stringify(next));
        } catch {
          // A browser that remembers nothing shows all columns next time.
        }
      }}
      visibleContentPreference={{
        title: "Columns",
        options: [{ label: "Columns", options: columns.map(({ id, label, fixed }) => ({ id, label, editable: !fixed })) }],
      }}
    />
  );
  return { shown, preferences };
}

function known(key: string): string[] {
  try {
    const ids: unknown = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(ids) ? ids.filter((id) => typeof id === "string") : [];
  } catch {
    return [];
  }
}
