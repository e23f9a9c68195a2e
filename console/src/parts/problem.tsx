// What went wrong with reading something, in the place where it would be.
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import { said } from "../api/call";

export function Problem({ error, again }: { error: unknown; again?: () => void }) {
  if (error === undefined) return null;
  return (
    <Alert type="error" action={again && <Button onClick={again}>Try again</Button>}>
      {said(error)}
    </Alert>
  );
}
