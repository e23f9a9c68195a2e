// Who is signed in, for whatever is on a page.
import { createContext, useContext } from "react";
import type { Who } from "../api/call";

export const Visitor = createContext<Who>({ arn: "", expiresAt: 0 });

export function useVisitor(): Who {
  return useContext(Visitor);
}
