// The versions of a machine: published and deleted.
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useState } from "react";
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
  const [deleting, setDeleting] = useState<string>();
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
          {
            id: "acts", header: "Actions",
            cell: (line) => <Button variant="inline-link" ariaLabel={`Delete version ${lastOf(line.stateMachineVersionArn)}`} onClick={() => setDeleting(line.stateMachineVersionArn)}>Delete</Button>,
          },
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
      {deleting !== undefined && (
        <Confirm
          header={`Delete version ${lastOf(deleting)}?`}
          word="Delete"
          act={() => call("DeleteStateMachineVersion", { stateMachineVersionArn: deleting })}
          onDismiss={() => setDeleting(undefined)}
          onDone={list.again}
        >
          Its executions go on. It cannot be started any more.
        </Confirm>
      )}
    </SpaceBetween>
  );
}
