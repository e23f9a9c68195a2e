// The list of state machines with how many executions of each status they have.
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import Pagination from "@cloudscape-design/components/pagination";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import TextFilter from "@cloudscape-design/components/text-filter";
import { useCollection } from "@cloudscape-design/collection-hooks";
import { useNavigate } from "react-router";
import type { StateMachineListItem } from "../api/__generated__/states";
import { to } from "../api/arn";
import { type Count, type Counts, counts } from "../api/call";
import { readAll } from "../api/pages";
import { useRead } from "../live/use-read";
import { Go } from "../parts/go";
import { useColumns } from "../parts/preferences";
import { Problem } from "../parts/problem";
import { moment } from "../parts/words";

const MACHINES_MAX = 10_000;
const COUNTED_AT_ONCE = 200;

type Line = StateMachineListItem & { counts?: Counts[string] };

const COLUMNS: [status: string, header: string][] = [
  ["RUNNING", "Running"], ["SUCCEEDED", "Succeeded"], ["FAILED", "Failed"], ["TIMED_OUT", "Timed out"], ["ABORTED", "Aborted"],
];

const SHOWN = [
  { id: "name", label: "Name", fixed: true }, { id: "type", label: "Type" }, { id: "created", label: "Creation date" },
  ...COLUMNS.map(([id, label]) => ({ id, label })),
];

export default function Machines() {
  const navigate = useNavigate();
  const { shown, preferences } = useColumns("machines", SHOWN);
  const list = useRead(
    "machines",
    async (signal) => {
      const { lines } = await readAll("ListStateMachines", { maxResults: 1_000 }, (page) => page.stateMachines, MACHINES_MAX, signal);
      const counted: Counts = {};
      for (let at = 0; at < lines.length; at += COUNTED_AT_ONCE) {
        const arns = lines.slice(at, at + COUNTED_AT_ONCE).map((line) => line.stateMachineArn);
        Object.assign(counted, await counts(arns, signal));
      }
      return lines.map((line): Line => ({ ...line, counts: counted[line.stateMachineArn] }));
    },
    (change) => change.lists.length > 0,
  );
  const { items, collectionProps, filterProps, paginationProps } = useCollection(list.value ?? [], {
    filtering: { fields: ["name", "stateMachineArn"], empty: <Empty />, noMatch: "No machine is called like this." },
    pagination: { pageSize: 50 },
    sorting: { defaultState: { sortingColumn: { sortingField: "creationDate" }, isDescending: true } },
  });

  const columns: TableProps.ColumnDefinition<Line>[] = [
    { id: "name", header: "Name", cell: (line) => <Go to={to.machine(line.stateMachineArn)}>{line.name}</Go>, sortingField: "name", isRowHeader: true },
    { id: "type", header: "Type", cell: (line) => (line.type === "EXPRESS" ? "Express" : "Standard"), sortingField: "type" },
    { id: "created", header: "Creation date", cell: (line) => moment(line.creationDate), sortingField: "creationDate" },
    ...COLUMNS.map(([status, header]) => ({ id: status, header, cell: (line: Line) => number(line.counts?.[status]) })),
  ];
  return (
    <SpaceBetween size="m">
      <Problem error={list.error} again={list.again} />
      <Table
        {...collectionProps}
        variant="full-page"
        items={items}
        trackBy="stateMachineArn"
        loading={list.loading}
        loadingText="Reading the state machines"
        columnDefinitions={columns}
        columnDisplay={SHOWN.map(({ id }) => ({ id, visible: shown.includes(id) }))}
        preferences={preferences}
        stickyHeader
        header={
          <Header
            variant="h1"
            counter={list.value && `(${list.value.length})`}
            actions={<Button variant="primary" onClick={() => void navigate("/studio")}>Create state machine</Button>}
          >
            State machines
          </Header>
        }
        filter={<TextFilter {...filterProps} filteringPlaceholder="Find state machines" filteringAriaLabel="Find state machines" />}
        pagination={<Pagination {...paginationProps} />}
      />
    </SpaceBetween>
  );
}

function number(count: Count | undefined): string {
  if (count === undefined) return "–";
  return typeof count === "number" ? String(count) : `${count.atLeast}+`;
}

function Empty() {
  return (
    <Box textAlign="center" padding="l">
      <Box variant="strong">No state machines</Box>
      <Box color="text-body-secondary">Deploy some: <Box variant="code">stepd deploy DIR --stack-name NAME</Box></Box>
    </Box>
  );
}
