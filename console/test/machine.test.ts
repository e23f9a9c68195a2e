// A machine as templates, what it reaches out to, and how its executions went.
import { parse } from "yaml";
import { describe, expect, it } from "vitest";
import type { DescribeStateMachineOutput, ExecutionListItem, ExecutionStatus } from "../src/api/__generated__/states";
import { reachOf } from "../src/definition/reach";
import { templateOf } from "../src/definition/template";
import { percentile, sumsOf } from "../src/history/monitoring";

const task = (resource: string, parameters: object = {}) => ({ Type: "Task", Resource: resource, Parameters: parameters, End: true });

const machine: DescribeStateMachineOutput = {
  stateMachineArn: "arn:aws:states:us-east-1:000000000000:stateMachine:m",
  name: "m",
  definition: JSON.stringify({ StartAt: "A", States: { A: { Type: "Pass", Result: { yes: "no", "a: b": "#" }, End: true } } }),
  roleArn: "arn:aws:iam::000000000000:role/r",
  type: "EXPRESS",
  creationDate: 0,
  loggingConfiguration: { level: "ALL", includeExecutionData: true, destinations: [{ cloudWatchLogsLogGroup: { logGroupArn: "arn:group:*" } }] },
};

describe("a template", () => {
  it.each([
    ["cloudformation", "AWS::StepFunctions::StateMachine", "StateMachineName", "StateMachineType", "RoleArn", "LoggingConfiguration", [{ Key: "k", Value: "v" }]],
    ["sam", "AWS::Serverless::StateMachine", "Name", "Type", "Role", "Logging", { k: "v" }],
  ] as const)("of %s holds the whole machine", (kind, resource, name, type, role, logging, tags) => {
    const template = parse(templateOf(machine, [{ key: "k", value: "v" }], kind));
    const { Type, Properties } = template.Resources.StateMachine;
    expect(Type).toBe(resource);
    expect(Properties[name]).toBe("m");
    expect(Properties[type]).toBe("EXPRESS");
    expect(Properties[role]).toEqual({ Ref: "RoleArn" });
    expect(template.Parameters.RoleArn.Default).toBe(machine.roleArn);
    expect(Properties.Definition).toEqual(JSON.parse(machine.definition));
    expect(Properties[logging].Destinations).toEqual([{ CloudWatchLogsLogGroup: { LogGroupArn: "arn:group:*" } }]);
    expect(Properties.Tags).toEqual(tags);
    expect(template.Transform).toBe(kind === "sam" ? "AWS::Serverless-2016-10-31" : undefined);
  });
});

describe("what a definition reaches out to", () => {
  it("is found in every depth, with what it names", () => {
    const inner = { StartAt: "B", States: { B: task("arn:aws:states:::sqs:sendMessage", { QueueUrl: "q" }) } };
    const root = {
      StartAt: "A",
      States: {
        A: task("arn:aws:states:::lambda:invoke", { FunctionName: "f", Payload: { Type: "Task", Resource: 7 } }),
        M: { Type: "Map", ItemProcessor: inner, End: true },
      },
    };
    expect(reachOf(root)).toEqual([
      "arn:aws:states:::lambda:invoke", "arn:aws:states:::lambda:invoke of f",
      "arn:aws:states:::sqs:sendMessage", "arn:aws:states:::sqs:sendMessage of q",
    ]);
    expect(reachOf({})).toEqual([]);
  });
});

describe("monitoring", () => {
  const ran = (status: ExecutionStatus, startDate: number, stopDate?: number): ExecutionListItem =>
    ({ executionArn: "", stateMachineArn: "", name: "", status, startDate, stopDate });

  it("counts what began, slot by slot", () => {
    const executions = [
      ran("RUNNING", 100), ran("SUCCEEDED", 95, 99), ran("FAILED", 50, 52), ran("PENDING_REDRIVE", 49, 50), ran("ABORTED", 0, 1), ran("TIMED_OUT", 200, 300),
    ];
    const sums = sumsOf(executions, 0, 100, 2);
    expect(sums.slots.map((slot) => slot.from)).toEqual([0, 50]);
    expect(sums.total).toBe(5);
    expect(sums.slots[0]?.counts).toEqual({ RUNNING: 0, SUCCEEDED: 0, FAILED: 1, TIMED_OUT: 0, ABORTED: 1 });
    expect(sums.slots[1]?.counts).toEqual({ RUNNING: 1, SUCCEEDED: 1, FAILED: 1, TIMED_OUT: 0, ABORTED: 0 });
    expect(sums.durations).toEqual([1, 1, 2, 4]);
  });

  it.each([[[], 0.5, undefined], [[7], 0.99, 7], [[1, 2, 3, 4], 0.5, 2], [[1, 2, 3, 4], 1, 4]])("percentile of %j", (values, share, expected) => {
    expect(percentile(values, share)).toBe(expected);
  });
});
