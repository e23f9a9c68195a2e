// What the editor offers: `|` is where somebody writes.
import { expect, it } from "vitest";
import { completionsAt } from "../src/definition/complete";

function offered(marked: string) {
  const at = marked.indexOf("|");
  const text = marked.replace("|", "");
  const found = completionsAt(text, at);
  return { labels: found?.options.map((one) => one.label) ?? [], applied: found?.options[0]?.apply, from: found?.from, at };
}

const machine = (state: string) => `{\n  "StartAt": "A",\n  "States": {\n    "A": { ${state} },\n    "B": { "Type": "Succeed" },\n    "C": { "Type": "Map", "End": true, "ItemProcessor": { "StartAt": "In", "States": { "In": { "Type": "Pass", "Next": "|" }, "In2": { "Type": "Pass" } } } }\n  }\n}`;
const closed = (state: string) => machine(state).replace("|\" }, \"In2", "In2\" }, \"In2");

const cases: [what: string, text: string, has: string[], hasNot: string[]][] = [
  ["fields of a flow", '{ "|" }', ["StartAt", "States"], ["Next"]],
  ["what is written already is not offered", '{ "StartAt": "A", "|" }', ["States"], ["StartAt"]],
  ["fields of a state by its type", closed('"Type": "Wait", "|"'), ["Seconds", "Next"], ["Resource", "Type", "Choices"]],
  ["fields of a state of any type", closed('"|"'), ["Type", "Resource", "Choices"], ["StartAt"]],
  ["the type", closed('"Type": "|"'), ["Task", "Map"], ["Next"]],
  ["a resource", closed('"Type": "Task", "Resource": "arn:|"'), ["arn:aws:states:::lambda:invoke"], []],
  ["the next state, of the same flow", closed('"Type": "Pass", "Next": "|"'), ["B", "C"], ["A", "In"]],
  ["the next state inside of a Map", machine('"Type": "Pass", "Next": "B"'), ["In2"], ["A", "In"]],
  ["a retrier", closed('"Type": "Task", "Retry": [{ "|" }]'), ["MaxAttempts"], ["Next"]],
  ["a catcher's errors", closed('"Type": "Task", "Catch": [{ "ErrorEquals": ["|"] }]'), ["States.ALL"], ["Next"]],
  ["a rule", closed('"Type": "Choice", "Choices": [{ "And": [{ "|" }] }]'), ["StringEquals"], ["Seconds"]],
  ["nothing in data", closed('"Type": "Pass", "Result": { "|" }'), [], ["Type"]],
  ["nothing behind the end", '{} |', [], ["StartAt"]],
  ["a field without its quotes", "{ |", ["StartAt"], []],
  ["YAML: a flow's fields", "StartAt: A\nSta|", ["States"], ["StartAt", "Next"]],
  ["YAML: a state's fields", "StartAt: A\nStates:\n  A:\n    Type: Wait\n    Sec|", ["Seconds"], ["Resource", "Type"]],
  ["YAML: a value", "StartAt: A\nStates:\n  A:\n    Type: |", ["Task"], []],
  ["YAML: the next state", "StartAt: A\nStates:\n  A:\n    Type: Pass\n    Next: |\n  B:\n    Type: Succeed\n", ["B"], ["A"]],
  ["YAML: a retrier", "StartAt: A\nStates:\n  A:\n    Type: Task\n    Retry:\n      - ErrorEquals: [x]\n        Max|", ["MaxAttempts"], ["Type"]],
  ["YAML: a rule", "StartAt: A\nStates:\n  A:\n    Type: Choice\n    Choices:\n    - Var|", ["Variable"], ["Type"]],
  ["YAML: errors", "StartAt: A\nStates:\n  A:\n    Type: Task\n    Catch:\n      - ErrorEquals:\n          - Sta|", ["States.ALL"], ["StartAt"]],
];

it.each(cases)("%s", (_, text, has, hasNot) => {
  const { labels } = offered(text);
  expect(labels).toEqual(expect.arrayContaining(has));
  for (const one of hasNot) expect(labels).not.toContain(one);
});

it.each([
  ['{ "Sta|" }', "Comment", 3],
  ["{ Sta|", '"Comment": ', 2],
  ['{ "QueryLanguage": |', '"JSONata"', 19],
  ["StartAt: A\nSta|", "Comment: ", 11],
])("%s is replaced by the whole word", (text, applied, from) => {
  expect(offered(text)).toMatchObject({ applied, from });
});

it("reads any text", () => {
  const text = closed('"Type": "Choice", "Choices": [{ "And": [{ "Variable": "\\"" }] }]');
  for (const one of [text, "a:\n - b:\n   - c: [1, {\n", '{"\\', "- - - x: y"]) {
    for (let at = 0; at <= one.length; at += 1) completionsAt(one.slice(0, at), at);
  }
});
