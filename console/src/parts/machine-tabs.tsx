// What else there is to a machine: versions, aliases, logging, tags.
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useState } from "react";
import type { DescribeStateMachineOutput } from "../api/__generated__/states";
import { lastOf } from "../api/arn";
import { call } from "../api/call";
import { readAll } from "../api/pages";
import { useRead } from "../live/use-read";
import { Confirm } from "./execution-actions";
import { Problem } from "./problem";
import { moment } from "./words";

const MOST = 1_000;

export function Versions({ stateMachineArn }: { stateMachineArn: string }) {
  const [publishing, setPublishing] = useState(false);
  const list = useRead(
    `versions ${stateMachineArn}`,
    (signal) => readAll("ListStateMachineVersions", { stateMachineArn, maxResults: 1_000 }, (page) => page.stateMachineVersions, MOST, signal),
    () => false,
  );
  return (
    <SpaceBetween size="s">
      <Problem error={list.error} again={list.again} />
      <Table
        loading={list.loading}
        items={list.value?.lines ?? []}
        trackBy="stateMachineVersionArn"
        header={<Header variant="h2" actions={<Button onClick={() => setPublishing(true)}>Publish version</Button>}>Versions</Header>}
        columnDefinitions={[
          { id: "version", header: "Version", isRowHeader: true, cell: (line) => lastOf(line.stateMachineVersionArn) },
          { id: "created", header: "Creation date", cell: (line) => moment(line.creationDate) },
          { id: "arn", header: "ARN", cell: (line) => <span className="name">{line.stateMachineVersionArn}</span> },
        ]}
        empty="No versions"
      />
      {publishing && (
        <Confirm
          header="Publish a version?"
          word="Publish"
          act={() => call("PublishStateMachineVersion", { stateMachineArn })}
          onDismiss={() => setPublishing(false)}
          onDone={list.again}
        >
          The definition and the role as they are now become a version that never changes.
        </Confirm>
      )}
    </SpaceBetween>
  );
}

export function Aliases({ stateMachineArn }: { stateMachineArn: string }) {
  const list = useRead(
    `aliases ${stateMachineArn}`,
    async (signal) => {
      const { lines } = await readAll("ListStateMachineAliases", { stateMachineArn, maxResults: 1_000 }, (page) => page.stateMachineAliases, MOST, signal);
      return Promise.all(lines.map((line) => call("DescribeStateMachineAlias", { stateMachineAliasArn: line.stateMachineAliasArn }, signal)));
    },
    () => false,
  );
  return (
    <SpaceBetween size="s">
      <Problem error={list.error} again={list.again} />
      <Table
        loading={list.loading}
        items={list.value ?? []}
        header={<Header variant="h2">Aliases</Header>}
        columnDefinitions={[
          { id: "name", header: "Alias", isRowHeader: true, cell: (line) => <bdi>{line.name}</bdi> },
          {
            id: "routes", header: "Routes to",
            cell: (line) => (line.routingConfiguration ?? []).map((route) => `version ${lastOf(route.stateMachineVersionArn)}: ${route.weight} %`).join(", "),
          },
          { id: "about", header: "Description", cell: (line) => <bdi>{line.description || "–"}</bdi> },
          { id: "updated", header: "Updated", cell: (line) => moment(line.updateDate) },
        ]}
        empty="No aliases"
      />
    </SpaceBetween>
  );
}

export function Logging({ machine }: { machine: DescribeStateMachineOutput }) {
  const { loggingConfiguration: logging, tracingConfiguration: tracing } = machine;
  const places = (logging?.destinations ?? []).map((one) => one.cloudWatchLogsLogGroup?.logGroupArn).filter(Boolean).join(", ");
  return (
    <Container header={<Header variant="h2">Logging</Header>}>
      <KeyValuePairs
        columns={2}
        items={[
          { label: "Log level", value: logging?.level ?? "OFF" },
          { label: "Execution data", value: logging?.includeExecutionData ? "Included" : "Not included" },
          { label: "Log groups", value: <span className="name">{places || "–"}</span> },
          { label: "Tracing", value: tracing?.enabled ? "Enabled" : "Not enabled" },
        ]}
      />
    </Container>
  );
}

export function Tags({ stateMachineArn }: { stateMachineArn: string }) {
  const list = useRead(`tags ${stateMachineArn}`, (signal) => call("ListTagsForResource", { resourceArn: stateMachineArn }, signal), () => false);
  return (
    <SpaceBetween size="s">
      <Problem error={list.error} again={list.again} />
      <Table
        loading={list.loading}
        items={list.value?.tags ?? []}
        header={<Header variant="h2">Tags</Header>}
        columnDefinitions={[
          { id: "key", header: "Key", isRowHeader: true, cell: (tag) => <bdi>{tag.key}</bdi> },
          { id: "value", header: "Value", cell: (tag) => <bdi>{tag.value}</bdi> },
        ]}
        empty="No tags"
      />
    </SpaceBetween>
  );
}
