// How moments, durations and values are written.

const MOMENT = new Intl.DateTimeFormat(undefined, {
  year: "numeric", month: "short", day: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hour12: false,
});

/** A moment of the API (seconds since 1970) in the visitor's own time. */
export function moment(seconds: number | undefined): string {
  return seconds === undefined ? "–" : MOMENT.format(new Date(seconds * 1_000));
}

/** A length of time, as short as it can be said. */
export function duration(seconds: number | undefined): string {
  if (seconds === undefined) return "–";
  const millis = Math.max(0, Math.round(seconds * 1_000));
  if (millis < 1_000) return `${millis} ms`;
  if (millis < 60_000) return `${(millis / 1_000).toFixed(millis < 10_000 ? 2 : 1)} s`;
  const total = Math.floor(millis / 1_000);
  const [days, hours] = [Math.floor(total / 86_400), Math.floor(total / 3_600) % 24];
  const [minutes, left] = [Math.floor(total / 60) % 60, total % 60];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return `${minutes} min ${left} s`;
}

/** JSON, indented for a person; what is not JSON stays as it is. */
export function pretty(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") return JSON.stringify(value, null, 2);
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}

/** Parses JSON; says where it is wrong. */
export function parseJson(text: string): { value?: unknown; error?: string } {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

/** Hands a text to the visitor as a file. */
export function download(name: string, content: Blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name.replace(/[^\w.-]+/g, "_");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
