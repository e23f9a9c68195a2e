// A definition, a change, and what it is afterwards.
import { expect, test } from "vitest";
import { NEW_STATES, insert, remove, rename } from "../src/definition/edit";
import type { Flow } from "../src/definition/outline";

const base = (): Flow => ({
  StartAt: "A",
  States: {
    A: { Type: "Pass", Next: "C" },
    C: { Type: "Choice", Choices: [{ Variable: "$.x", IsPresent: true, Next: "P" }], Default: "E" },
    P: { Type: "Parallel", Branches: [{ StartAt: "In", States: { In: { Type: "Pass", End: true } } }], Next: "E" },
    E: { Type: "Pass", End: true },
  },
});

/** `A>C C>P,E …`: where each state goes on. */
function ways(flow: Flow): string {
  return Object.entries(flow.States ?? {}).map(([name, state]) =>
    `${name}>${[...(state.Choices ?? []).map((one) => one.Next), state.Default, state.Next, state.End ? "." : undefined].filter(Boolean).join()}`).join(" ");
}

test("a state is put behind another", () => {
  const pass = { Type: "Pass" };
  expect(ways(insert(base(), "A", "N", pass).root)).toBe("A>N C>P,E P>E E>. N>C");
  expect(ways(insert(base(), "E", "N", pass).root)).toBe("A>C C>P,E P>E E>N N>.");
  expect(ways(insert(base(), "C", "N", pass).root)).toBe("A>C C>P,N P>E E>. N>.");
  expect(insert(base(), undefined, "N", pass).root.StartAt).toBe("N");
  expect(insert({}, undefined, "N", pass).root).toEqual({ StartAt: "N", States: { N: { Type: "Pass", End: true } } });
  expect(ways(insert(base(), "In", "N", pass).root.States?.P?.Branches?.[0] ?? {})).toBe("In>N N>.");
  expect(insert(base(), "A", "In", pass).name).toBe("In 2");
});

test("whatever the palette offers has names of its own", () => {
  let flow: Flow = {};
  let after: string | undefined;
  for (const one of [...NEW_STATES, ...NEW_STATES]) {
    const added = insert(flow, after, one.name, one.state);
    [flow, after] = [added.root, added.name];
  }
  const text = JSON.stringify(flow);
  expect(text).toContain('"Item 2"');
  expect(text).toContain('"Branch 2"');
});

test("a state is taken away, and renamed everywhere", () => {
  expect(ways(remove(base(), "A"))).toBe("C>P,E P>E E>.");
  expect(remove(base(), "A").StartAt).toBe("C");
  expect(ways(remove(base(), "P"))).toBe("A>C C>E,E E>.");
  expect(ways(remove(base(), "E"))).toBe("A>C C>P P>.");
  expect(ways(rename(base(), "E", "End"))).toBe("A>C C>P,End P>End End>.");
  expect(rename(base(), "E", "In")).toEqual(base());
});
