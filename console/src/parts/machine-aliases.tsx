// The aliases of a machine: a name for one version, or for two with a share of the executions each.
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useState } from "react";
import type { DescribeStateMachineAliasOutput } from "../api/__generated__/states";
import { lastOf } from "../api/arn";
import { call } from "../api/call";
import { readAll } from "../api/pages";
import { useRead } from "../live/use-read";
import { Confirm } from "./execution-actions";
import { Problem } from "./problem";
import { moment } from "./words";

const MOST = 1_000;
const NEW = "new";

type Alias = DescribeStateMachineAliasOutput;

export function Aliases({ stateMachineArn }: { stateMachineArn: string }) {
  const [editing, setEditing] = useState<Alias | typeof NEW>();
  const [deleting, setDeleting] = useState<Alias>();
  const list = useRead(
    `aliases ${stateMachineArn}`,
    async (signal) => {
      const input = { stateMachineArn, maxResults: 1_000 };
      const aliases = await readAll("ListStateMachineAliases", input, (page) => page.stateMachineAliases, MOST, signal);
      const versions = await readAll("ListStateMachineVersions", input, (page) => page.stateMachineVersions, MOST, signal);
      return {
        aliases: await Promise.all(aliases.lines.map((line) => call("DescribeStateMachineAlias", { stateMachineAliasArn: line.stateMachineAliasArn }, signal))),
        versions: versions.lines.map((line) => line.stateMachineVersionArn),
      };
    },
    () => false,
  );
  const versions = list.value?.versions ?? [];
  return (
    <SpaceBetween size="s">
      <Problem error={list.error} again={list.again} />
      <Table
        loading={list.loading}
        items={list.value?.aliases ?? []}
        header={
          <Header
            variant="h2"
            actions={<Button disabled={versions.length === 0} disabledReason="An alias needs a version. Publish one first." onClick={() => setEditing(NEW)}>Create alias</Button>}
          >
            Aliases
          </Header>
        }
        columnDefinitions={[
          { id: "name", header: "Alias", isRowHeader: true, cell: (line) => <bdi>{line.name}</bdi> },
          {
            id: "routes", header: "Routes to",
            cell: (line) => (line.routingConfiguration ?? []).map((route) => `version ${lastOf(route.stateMachineVersionArn)}: ${route.weight} %`).join(", "),
          },
          { id: "about", header: "Description", cell: (line) => <bdi>{line.description || "–"}</bdi> },
          { id: "updated", header: "Updated", cell: (line) => moment(line.updateDate) },
          {
            id: "acts", header: "Actions",
            cell: (line) => (
              <SpaceBetween direction="horizontal" size="s">
                <Button variant="inline-link" ariaLabel={`Edit ${line.name}`} onClick={() => setEditing(line)}>Edit</Button>
                <Button variant="inline-link" ariaLabel={`Delete ${line.name}`} onClick={() => setDeleting(line)}>Delete</Button>
              </SpaceBetween>
            ),
          },
        ]}
        empty="No aliases"
      />
      {editing !== undefined && (
        <AliasDialog alias={editing === NEW ? undefined : editing} versions={versions} onDismiss={() => setEditing(undefined)} onDone={list.again} />
      )}
      {deleting !== undefined && (
        <Confirm
          header="Delete the alias?"
          word="Delete"
          act={() => call("DeleteStateMachineAlias", { stateMachineAliasArn: deleting.stateMachineAliasArn ?? "" })}
          onDismiss={() => setDeleting(undefined)}
          onDone={list.again}
        >
          Whoever starts <bdi>{deleting.name}</bdi> is refused from then on. The versions stay.
        </Confirm>
      )}
    </SpaceBetween>
  );
}

interface AliasDialogProps {
  alias: Alias | undefined;
  versions: string[];
  onDismiss: () => void;
  onDone: () => void;
}

function AliasDialog({ alias, versions, onDismiss, onDone }: AliasDialogProps) {
  const routes = alias?.routingConfiguration ?? [];
  const [name, setName] = useState(alias?.name ?? "");
  const [description, setDescription] = useState(alias?.description ?? "");
  const [first, setFirst] = useState(routes[0]?.stateMachineVersionArn ?? versions[0] ?? "");
  const [second, setSecond] = useState(routes[1]?.stateMachineVersionArn ?? "");
  const [weight, setWeight] = useState(String(routes[1]?.weight ?? 10));
  const share = second === "" ? 0 : Number(weight);
  const act = () => {
    const routingConfiguration = [
      { stateMachineVersionArn: first, weight: 100 - share },
      ...(second === "" ? [] : [{ stateMachineVersionArn: second, weight: share }]),
    ];
    return alias?.stateMachineAliasArn === undefined
      ? call("CreateStateMachineAlias", { name, description, routingConfiguration })
      : call("UpdateStateMachineAlias", { stateMachineAliasArn: alias.stateMachineAliasArn, description, routingConfiguration });
  };
  const options = versions.map((value) => ({ value, label: `Version ${lastOf(value)}` }));
  const none = { value: "", label: "None" };
  return (
    <Confirm header={alias === undefined ? "Create an alias" : `Edit ${alias.name}`} word={alias === undefined ? "Create" : "Save"} act={act} onDismiss={onDismiss} onDone={onDone}>
      <SpaceBetween size="s">
        {alias === undefined && (
          <FormField label="Name" description="Letters, digits, and any of - _ .">
            <Input value={name} onChange={({ detail }) => setName(detail.value)} />
          </FormField>
        )}
        <FormField label="Description">
          <Input value={description} onChange={({ detail }) => setDescription(detail.value)} />
        </FormField>
        <FormField label="Version">
          <Select options={options} selectedOption={options.find((one) => one.value === first) ?? null} onChange={({ detail }) => setFirst(detail.selectedOption.value ?? "")} />
        </FormField>
        <FormField label="Second version" description="Takes a share of the executions: try something new out with a few.">
          <Select
            options={[none, ...options.filter((one) => one.value !== first)]}
            selectedOption={options.find((one) => one.value === second) ?? none}
            onChange={({ detail }) => setSecond(detail.selectedOption.value ?? "")}
          />
        </FormField>
        {second !== "" && (
          <FormField label="Its share, in percent">
            <Input type="number" value={weight} onChange={({ detail }) => setWeight(detail.value)} />
          </FormField>
        )}
      </SpaceBetween>
    </Confirm>
  );
}
