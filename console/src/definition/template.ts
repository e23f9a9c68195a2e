// A machine as a template: what CloudFormation, SAM and `stepd deploy` make the same machine of. Pure.
import { stringify } from "yaml";
import type { DescribeStateMachineOutput, Tag } from "../api/__generated__/states";

export type TemplateKind = "cloudformation" | "sam";

/** Returns a template in YAML with one machine in it. Role and log group stay what they are, as parameters. */
export function templateOf(machine: DescribeStateMachineOutput, tags: Tag[], kind: TemplateKind): string {
  const isSam = kind === "sam";
  const logging = machine.loggingConfiguration;
  const properties: Record<string, unknown> = {
    [isSam ? "Name" : "StateMachineName"]: machine.name,
    [isSam ? "Type" : "StateMachineType"]: machine.type,
    [isSam ? "Role" : "RoleArn"]: { Ref: "RoleArn" },
    Definition: definitionOf(machine.definition),
  };
  if (logging?.level !== undefined && logging.level !== "OFF") {
    properties[isSam ? "Logging" : "LoggingConfiguration"] = {
      Level: logging.level,
      IncludeExecutionData: logging.includeExecutionData ?? false,
      Destinations: (logging.destinations ?? []).map((one) => ({ CloudWatchLogsLogGroup: { LogGroupArn: one.cloudWatchLogsLogGroup?.logGroupArn } })),
    };
  }
  if (machine.tracingConfiguration?.enabled) properties[isSam ? "Tracing" : "TracingConfiguration"] = { Enabled: true };
  if (tags.length > 0) {
    properties.Tags = isSam
      ? Object.fromEntries(tags.map(({ key, value }) => [key, value]))
      : tags.map(({ key, value }) => ({ Key: key, Value: value }));
  }
  const template = {
    AWSTemplateFormatVersion: "2010-09-09",
    ...(isSam ? { Transform: "AWS::Serverless-2016-10-31" } : {}),
    Description: `The state machine ${machine.name}`,
    Parameters: { RoleArn: { Type: "String", Default: machine.roleArn } },
    Resources: {
      StateMachine: { Type: isSam ? "AWS::Serverless::StateMachine" : "AWS::StepFunctions::StateMachine", Properties: properties },
    },
    Outputs: { StateMachineArn: { Value: { Ref: "StateMachine" } } },
  };
  return stringify(template, { lineWidth: 0, aliasDuplicateObjects: false });
}

function definitionOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
