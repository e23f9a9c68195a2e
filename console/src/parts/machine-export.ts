// A machine as a file.
import { stringify } from "yaml";
import type { DescribeStateMachineOutput } from "../api/__generated__/states";
import { call } from "../api/call";
import { templateOf } from "../definition/template";
import { download, pretty } from "./words";

export const EXPORTS = [
  { id: "json", text: "Definition, JSON" },
  { id: "yaml", text: "Definition, YAML" },
  { id: "cloudformation", text: "CloudFormation template" },
  { id: "sam", text: "SAM template" },
] as const;

export type ExportKind = (typeof EXPORTS)[number]["id"];

/** Hands the machine to the visitor as a file. */
export async function exportMachine(machine: DescribeStateMachineOutput, kind: ExportKind) {
  const { name, definition, stateMachineArn } = machine;
  const keep = (suffix: string, text: string, type: string) => download(`${name}${suffix}`, new Blob([text], { type }));
  if (kind === "json") return keep(".asl.json", pretty(definition), "application/json");
  if (kind === "yaml") return keep(".asl.yaml", stringify(JSON.parse(definition)), "application/yaml");
  const { tags = [] } = await call("ListTagsForResource", { resourceArn: stateMachineArn });
  keep(`.${kind}.yaml`, templateOf(machine, tags, kind), "application/yaml");
}
