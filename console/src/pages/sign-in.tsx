// Signing in: the address holds a token behind `#`, which the page hands over once.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useEffect, useRef, useState } from "react";
import { useNavigate } from "react-router";
import { type Who, said, signIn, who } from "../api/call";

export function SignIn({ onSignedIn }: { onSignedIn: (who: Who) => void }) {
  const navigate = useNavigate();
  const [error, setError] = useState<string>();
  const begun = useRef(false);
  const [token] = useState(() => location.hash.slice(1));

  useEffect(() => {
    if (token === "" || begun.current) return;
    begun.current = true;
    // Out of the address and of the browser's memory before anything else.
    history.replaceState(null, "", location.pathname);
    signIn(token)
      // A link that was used in this very browser is as good as none.
      .catch((failure: unknown) => who().catch(() => Promise.reject(failure)))
      .then((visitor) => {
        void navigate("/machines", { replace: true });
        onSignedIn(visitor);
      }, (failure: unknown) => setError(said(failure)));
  }, [token, navigate, onSignedIn]);

  return (
    <main className="narrow">
      <Container header={<Header variant="h1">stepd</Header>}>
        <SpaceBetween size="m">
          {error !== undefined && <Alert type="error">{error}</Alert>}
          {token !== "" && error === undefined ? (
            <Spinner size="large" />
          ) : (
            <>
              <Box>To sign in, ask the server for a link, in a terminal where its keys are set:</Box>
              <Box variant="code">eval "$(stepd env)"; stepd console</Box>
              <Box color="text-body-secondary">The link works once, and for ten minutes.</Box>
            </>
          )}
        </SpaceBetween>
      </Container>
    </main>
  );
}
