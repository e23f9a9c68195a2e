// Which page an address names. Each page is loaded when it is first looked at.
import Spinner from "@cloudscape-design/components/spinner";
import { Suspense, lazy, useEffect, useState } from "react";
import { Navigate, Route, Routes } from "react-router";
import { CallError, type Who, signedOut, who } from "./api/call";
import { Frame } from "./parts/frame";
import { Visitor } from "./parts/visitor";
import { SignIn } from "./pages/sign-in";

const Machines = lazy(() => import("./pages/machines"));
const Machine = lazy(() => import("./pages/machine"));
const Answer = lazy(() => import("./pages/answer"));
const Inbox = lazy(() => import("./pages/inbox"));
const MapRun = lazy(() => import("./pages/map-run"));
const Studio = lazy(() => import("./pages/studio"));
const Execution = lazy(() => import("./pages/execution"));

export function App() {
  // Whoever answers by a link need not be signed in.
  if (location.pathname === "/console/answer") {
    return (
      <Suspense fallback={<Wait />}>
        <Answer />
      </Suspense>
    );
  }
  return <SignedIn />;
}

function SignedIn() {
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
    <Visitor value={visitor}>
      <Frame visitor={visitor}>
        <Suspense fallback={<Wait />}>
          <Routes>
            <Route index element={<Navigate to="/machines" replace />} />
            <Route path="machines" element={<Machines />} />
            <Route path="machines/:arn" element={<Machine />} />
            <Route path="map-runs/:arn" element={<MapRun />} />
            <Route path="studio" element={<Studio />} />
            <Route path="studio/:arn" element={<Studio />} />
            <Route path="inbox" element={<Inbox />} />
            <Route path="executions/:arn" element={<Execution />} />
            <Route path="*" element={<Navigate to="/machines" replace />} />
          </Routes>
        </Suspense>
      </Frame>
    </Visitor>
  );
}

function Wait() {
  return (
    <div className="narrow">
      <Spinner size="large" />
    </div>
  );
}
