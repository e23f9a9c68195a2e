// Which page an address names. Each page is loaded when it is first looked at.
import Spinner from "@cloudscape-design/components/spinner";
import { Suspense, lazy, useEffect, useState } from "react";
import { Navigate, Route, Routes } from "react-router";
import { CallError, type Who, signedOut, who } from "./api/call";
import { Frame } from "./parts/frame";
import { SignIn } from "./pages/sign-in";

const Machines = lazy(() => import("./pages/machines"));
const Machine = lazy(() => import("./pages/machine"));
const Execution = lazy(() => import("./pages/execution"));

export function App() {
  const [visitor, setVisitor] = useState<Who | null>();
  useEffect(() => {
    const ask = () => {
      who().then(setVisitor, (error: unknown) => {
        if (error instanceof CallError && error.code === "NotSignedIn") setVisitor(null);
        else setTimeout(ask, 1_000);
      });
    };
    ask();
    const gone = () => setVisitor(null);
    signedOut.addEventListener("signedOut", gone);
    return () => signedOut.removeEventListener("signedOut", gone);
  }, []);

  if (visitor === undefined) return <Wait />;
  if (visitor === null || location.pathname.startsWith("/console/sign-in")) {
    return <SignIn onSignedIn={setVisitor} />;
  }
  return (
    <Frame visitor={visitor}>
      <Suspense fallback={<Wait />}>
        <Routes>
          <Route index element={<Navigate to="/machines" replace />} />
          <Route path="machines" element={<Machines />} />
          <Route path="machines/:arn" element={<Machine />} />
          <Route path="executions/:arn" element={<Execution />} />
          <Route path="*" element={<Navigate to="/machines" replace />} />
        </Routes>
      </Suspense>
    </Frame>
  );
}

function Wait() {
  return (
    <div className="narrow">
      <Spinner size="large" />
    </div>
  );
}
