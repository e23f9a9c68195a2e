// Before a definition is saved that calls what it did not call before.
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";

interface SaveWarningProps {
  /** What is called anew. */
  calls: string[];
  roleArn: string;
  onDismiss: () => void;
  onSave: () => void;
}

export function SaveWarning({ calls, roleArn, onDismiss, onSave }: SaveWarningProps) {
  return (
    <Modal
      visible
      header="The IAM role may need to change"
      closeAriaLabel="Close"
      onDismiss={onDismiss}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button onClick={onDismiss}>Cancel</Button>
            <Button variant="primary" onClick={onSave}>Save anyway</Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="s">
        <span>The definition calls what it did not call before. Executions fail there unless <bdi className="name">{roleArn}</bdi> may:</span>
        <ul>
          {calls.map((one) => <li key={one}><bdi className="name">{one}</bdi></li>)}
        </ul>
      </SpaceBetween>
    </Modal>
  );
}
