// The tags of a machine, to look at and to change.
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import TagEditor, { type TagEditorProps } from "@cloudscape-design/components/tag-editor";
import { useState } from "react";
import type { Tag } from "../api/__generated__/states";
import { call } from "../api/call";
import { useRead } from "../live/use-read";
import { Confirm } from "./execution-actions";
import { Problem } from "./problem";

export function Tags({ stateMachineArn }: { stateMachineArn: string }) {
  const [editing, setEditing] = useState(false);
  const list = useRead(`tags ${stateMachineArn}`, (signal) => call("ListTagsForResource", { resourceArn: stateMachineArn }, signal), () => false);
  const tags = list.value?.tags ?? [];
  return (
    <SpaceBetween size="s">
      <Problem error={list.error} again={list.again} />
      <Table
        loading={list.loading}
        items={tags}
        trackBy="key"
        header={<Header variant="h2" actions={<Button disabled={list.loading} onClick={() => setEditing(true)}>Manage tags</Button>}>Tags</Header>}
        columnDefinitions={[
          { id: "key", header: "Key", isRowHeader: true, cell: (tag) => <bdi>{tag.key}</bdi> },
          { id: "value", header: "Value", cell: (tag) => <bdi>{tag.value}</bdi> },
        ]}
        empty="No tags"
      />
      {editing && <TagsDialog stateMachineArn={stateMachineArn} tags={tags} onDismiss={() => setEditing(false)} onDone={list.again} />}
    </SpaceBetween>
  );
}

interface TagsDialogProps {
  stateMachineArn: string;
  tags: Tag[];
  onDismiss: () => void;
  onDone: () => void;
}

function TagsDialog({ stateMachineArn, tags, onDismiss, onDone }: TagsDialogProps) {
  const known = tags.map(({ key = "", value = "" }) => ({ key, value, existing: true }));
  const [edited, setEdited] = useState<readonly TagEditorProps.Tag[]>(known);
  const act = async () => {
    const kept = edited.filter((tag) => !tag.markedForRemoval);
    const gone = known.filter((tag) => !kept.some((one) => one.key === tag.key)).map((tag) => tag.key);
    const changed = kept.filter((tag) => known.find((one) => one.key === tag.key)?.value !== tag.value);
    if (gone.length > 0) await call("UntagResource", { resourceArn: stateMachineArn, tagKeys: gone });
    if (changed.length > 0) await call("TagResource", { resourceArn: stateMachineArn, tags: changed.map(({ key, value }) => ({ key, value })) });
  };
  return (
    <Confirm header="Manage tags" word="Save" act={act} onDismiss={onDismiss} onDone={onDone}>
      <TagEditor tags={edited} tagLimit={50} onChange={({ detail }) => setEdited(detail.tags)} i18nStrings={WORDS} />
    </Confirm>
  );
}

const WORDS: TagEditorProps.I18nStrings = {
  keyPlaceholder: "Key",
  valuePlaceholder: "Value",
  addButton: "Add tag",
  removeButton: "Remove",
  removeButtonAriaLabel: (tag) => `Remove ${tag.key}`,
  undoButton: "Undo",
  undoPrompt: "This tag goes when you save",
  loading: "Reading the tags",
  keyHeader: "Key",
  valueHeader: "Value",
  optional: "optional",
  keySuggestion: "Another key",
  valueSuggestion: "Another value",
  emptyTags: "No tags",
  tooManyKeysSuggestion: "There are more keys than are shown",
  tooManyValuesSuggestion: "There are more values than are shown",
  keysSuggestionLoading: "Reading keys",
  keysSuggestionError: "The keys could not be read",
  valuesSuggestionLoading: "Reading values",
  valuesSuggestionError: "The values could not be read",
  emptyKeyError: "A tag has a key",
  maxKeyCharLengthError: "A key has at most 128 characters",
  maxValueCharLengthError: "A value has at most 256 characters",
  duplicateKeyError: "There is a tag with this key",
  invalidKeyError: "A key has letters, digits, white space and any of _ . : / = + - @",
  invalidValueError: "A value has letters, digits, white space and any of _ . : / = + - @",
  awsPrefixError: "Keys that begin with aws: are the system's",
  tagLimit: (available) => (available === 1 ? "One more tag can be added" : `${available} more tags can be added`),
  tagLimitReached: (limit) => `A machine has at most ${limit} tags`,
  tagLimitExceeded: (limit) => `A machine has at most ${limit} tags`,
  enteredKeyLabel: (text) => `Use "${text}"`,
  enteredValueLabel: (text) => `Use "${text}"`,
};
