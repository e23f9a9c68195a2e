// A definition and a state that waits → the form that a person gets.
import { expect, test } from "vitest";
import { answerOf, formOf, problemsOf } from "../src/definition/form";
import { Outline, type State } from "../src/definition/outline";

/** `decision: A|B` of each field; `?` marks what may be left out. */
function check(states: Record<string, object>, expected: string[]) {
  const form = formOf(new Outline({ StartAt: "Ask", States: states as Record<string, State> }), "Ask");
  const shown = form.fields.map((field) =>
    `${field.path.join(".")}${field.required ? "" : "?"}: ${field.kind}${field.options.map((one) => ` ${one.value}→${one.next ?? ""}`).join("")}`);
  expect(shown).toEqual(expected);
}

const task = (more: object) => ({ Type: "Task", Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken", Next: "Decide", ...more });
const choice = (...Choices: object[]) => ({ Type: "Choice", Choices });
const equals = (Variable: string, StringEquals: string, Next: string) => ({ Variable, StringEquals, Next });
const decide = (variable: string) => choice(equals(variable, "APPROVE", "Yes"), equals(variable, "REJECT", "No"));
const BOTH = "decision: choice APPROVE→Yes REJECT→No";

test("JSONPath: the answer stands where ResultPath says", () => {
  check({ Ask: task({ ResultPath: "$.review" }), Decide: decide("$.review.decision") }, [BOTH]);
  check({ Ask: task({}), Decide: decide("$.decision") }, [BOTH]);
  check({ Ask: task({ ResultPath: "$['my review']" }), Decide: decide("$['my review'].decision") }, [BOTH]);
  check({ Ask: task({ ResultPath: "$.a.b", OutputPath: "$.a" }), Decide: decide("$.b.decision") }, [BOTH]);
  check({ Ask: task({ ResultPath: "$.review" }), Decide: decide("$.other.decision") }, []);
  check({ Ask: task({ ResultPath: null }), Decide: decide("$.decision") }, []);
  check({ Ask: task({ End: true, Next: undefined }) }, []);
});

test("JSONPath: ResultSelector and Assign rename", () => {
  const selector = { "decision.$": "$.form.what" };
  check({ Ask: task({ ResultSelector: selector, ResultPath: "$.r" }), Decide: decide("$.r.decision") }, ["form.what: choice APPROVE→Yes REJECT→No"]);
  check({ Ask: task({ Assign: { "d.$": "$.decision" } }), Decide: decide("$d") }, [BOTH]);
});

test("other comparisons are other fields", () => {
  const rules = choice(
    { And: [{ Variable: "$.r.ok", BooleanEquals: true }, { Variable: "$.r.amount", NumericGreaterThan: 5 }], Next: "Yes" },
    { Not: { Variable: "$.r.note", StringMatches: "x*" }, Next: "No" },
  );
  check({ Ask: task({ ResultPath: "$.r" }), Decide: rules }, ["ok: boolean", "amount: number", "note: text"]);
  const twice = { ...choice(equals("$.r.d", "A", "Yes")), Default: "Again" };
  check({ Ask: task({ ResultPath: "$.r" }), Decide: twice, Again: decide("$.r.d") }, ["d: choice A→Yes APPROVE→Yes REJECT→No"]);
  const loop = { ...decide("$.r.decision"), Default: "Decide" };
  check({ Ask: task({ ResultPath: "$.r" }), Decide: loop }, [BOTH]);
});

test("what other states pass on may be wanted", () => {
  const tell = { Type: "Task", Resource: "x", Parameters: { "why.$": "$.r.reason", deep: { "who.$": "$.r.by.name" } }, End: true };
  check({ Ask: task({ ResultPath: "$.r" }), Decide: decide("$.r.decision"), Yes: tell }, [BOTH, "by.name?: text", "reason?: text"]);
});

test("JSONata: results, variables and conditions", () => {
  const rule = (Condition: string, Next: string) => ({ Condition, Next });
  const input = choice(rule("{% $states.input.decision = 'APPROVE' %}", "Yes"), rule('{% $states.input.decision = "REJECT" %}', "No"));
  check({ Ask: task({ Arguments: {} }), Decide: input }, [BOTH]);
  const variable = choice(rule("{% $d.decision = 'APPROVE' and $d.amount > 5 %}", "Yes"));
  check({ Ask: task({ Arguments: {}, Assign: { d: "{% $states.result %}" } }), Decide: variable }, ["decision: choice APPROVE→Yes", "amount: number"]);
  const renamed = choice(rule("{% $states.input.review.decision = 'APPROVE' %}", "Yes"));
  check({ Ask: task({ Output: { review: "{% $states.result %}" } }), Decide: renamed }, ["decision: choice APPROVE→Yes"]);
});

test("a Comment that is an object says it itself", () => {
  const Comment = JSON.stringify({ title: "Sure?", fields: [{ path: "a.b", options: ["x", "y"] }, { path: "n", kind: "number", required: false }], assignees: ["ann"] });
  const outline = new Outline({ StartAt: "Ask", States: { Ask: task({ Comment }) as State } });
  const form = formOf(outline, "Ask");
  expect([form.title, form.assignees]).toEqual(["Sure?", ["ann"]]);
  expect(answerOf(form.fields, { "a.b": "x", n: "" })).toEqual({ a: { b: "x" } });
  expect(problemsOf(form.fields, { n: "many" })).toEqual({ "a.b": "This is needed.", n: "This is no number." });
  check({ Ask: task({ Comment: "{ not JSON" }) }, []);
});

test("answers are built of data, whatever it is called", () => {
  const field = (path: string[]) => ({ path, label: "", kind: "text" as const, options: [], required: true });
  const answer = answerOf([field(["__proto__", "x"]), field(["constructor"])], { "__proto__.x": "1", constructor: "2" });
  expect(JSON.stringify(answer)).toBe('{"__proto__":{"x":"1"},"constructor":"2"}');
  expect(({} as Record<string, unknown>).x).toBeUndefined();
});
