// Which page an address names. Each page is loaded when it is first looked at.
import Spinner from "@cloudscape-design/components/spinner";
import { Suspense, lazy, useEffect, useState } from "react";
import { Navigate, Route, Routes } from "react-router";
import { CallError, type Who, signedOut, who } from "./api/call";
import { Frame } from "./parts/frame";
import { Visitor } from "./parts/visitor";
import { SignIn } from "./pages/sign-in";

const PAGES = {
  machines: () => import("./pages/machines"),
  machine: () => import("./pages/machine"),
  answer: () => import("./pages/answer"),
  inbox: () => import("./pages/inbox"),
  mapRun: () => import("./pages/map-run"),
  studio: () => import("./pages/studio"),
  execution: () => import("./pages/execution"),
};
const Machines = lazy(PAGES.machines);
const Machine = lazy(PAGES.machine);
const Answer = lazy(PAGES.answer);
const Inbox = lazy(PAGES.inbox);
const MapRun = lazy(PAGES.mapRun);
const Studio = lazy(PAGES.studio);
const Execution = lazy(PAGES.execution);

// What the address names is fetched while the server says who is signed in.
const FIRST: [begins: string, page: keyof typeof PAGES][] = [
  ["/console/executions/", "execution"], ["/console/machines/", "machine"], ["/console/map-runs/", "mapRun"], ["/console/studio", "studio"],
  ["/console/inbox", "inbox"], ["/console/answer", "answer"], ["/console", "machines"],
];
const first = FIRST.find(([begins]) => location.pathname.startsWith(begins));
// What cannot be fetched is asked for once more where it is shown, and said there.
if (first !== undefined) PAGES[first[1]]().catch(() => {});

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
