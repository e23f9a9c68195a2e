// Light or dark: what the visitor's system says, until the visitor says otherwise.
import { Mode, applyMode } from "@cloudscape-design/global-styles";

const KEY = "stepd-mode";
const system = matchMedia("(prefers-color-scheme: dark)");

export type Wish = "system" | "light" | "dark";

export function wish(): Wish {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : "system";
}

export function setWish(wish: Wish) {
  if (wish === "system") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, wish);
  apply();
}

function apply() {
  const wanted = wish();
  applyMode(wanted === "dark" || (wanted === "system" && system.matches) ? Mode.Dark : Mode.Light);
}

/** Sets the mode and follows the system from then on. */
export function beginWithMode() {
  apply();
  system.addEventListener("change", apply);
}
