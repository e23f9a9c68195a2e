// What is around every page: the bar at the top, the way to the other pages, and whether the server is there.
import AppLayout from "@cloudscape-design/components/app-layout";
import Flashbar from "@cloudscape-design/components/flashbar";
import SideNavigation from "@cloudscape-design/components/side-navigation";
import TopNavigation from "@cloudscape-design/components/top-navigation";
import { useEffect, useState } from "react";
import { useLocation, useNavigate } from "react-router";
import { type Who, signOut, signedOut } from "../api/call";
import { stream } from "../live/stream";
import { type Wish, setWish, wish } from "./mode";

const PAGES = [
  { text: "State machines", href: "/console/machines" },
  { text: "Inbox", href: "/console/inbox" },
];

export function Frame({ visitor, children }: { visitor: Who; children: React.ReactNode }) {
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const [mode, setMode] = useState<Wish>(wish());
  const [lost, setLost] = useState(false);
  const [open, setOpen] = useState(() => matchMedia("(min-width: 1200px)").matches);
  useEffect(() => stream.onConnection((connection) => setLost(connection === "lost")), []);

  const go = (href: string) => void navigate(href.replace(/^\/console/, ""));
  const active = PAGES.find((page) => `/console${pathname}`.startsWith(page.href))?.href ?? PAGES[0]?.href;
  return (
    <>
      <div id="top">
        <TopNavigation
          identity={{
            href: "/console/machines",
            title: "stepd",
            logo: { src: "/console/icon.svg", alt: "stepd" },
            onFollow: (event) => {
              event.preventDefault();
              go("/console/machines");
            },
          }}
          utilities={[
            {
              type: "menu-dropdown",
              text: visitor.arn.slice(visitor.arn.lastIndexOf(":") + 1),
              description: visitor.arn,
              iconName: "user-profile",
              items: [
                { id: "mode", text: "Colors", items: MODES.map((one) => ({ ...one, text: `${one.text}${one.id === mode ? " ✓" : ""}` })) },
                { id: "out", text: "Sign out" },
              ],
              onItemClick: ({ detail }) => {
                if (detail.id === "out") void signOut().then(() => signedOut.dispatchEvent(new Event("signedOut")));
                else {
                  setWish(detail.id as Wish);
                  setMode(detail.id as Wish);
                }
              },
            },
          ]}
        />
      </div>
      <AppLayout
        headerSelector="#top"
        toolsHide
        navigationOpen={open}
        onNavigationChange={({ detail }) => setOpen(detail.open)}
        navigationWidth={220}
        navigation={
          <SideNavigation
            header={{ text: "Step Functions", href: "/console/machines" }}
            items={PAGES.map((page) => ({ type: "link" as const, ...page }))}
            activeHref={active}
            onFollow={(event) => {
              event.preventDefault();
              go(event.detail.href);
            }}
          />
        }
        notifications={
          lost && (
            <Flashbar
              items={[{ type: "warning", id: "lost", content: "The server cannot be heard. The page goes on by itself as soon as it is back." }]}
            />
          )
        }
        content={children}
        ariaLabels={{ navigation: "Pages", navigationToggle: "Open the list of pages", navigationClose: "Close the list of pages" }}
      />
    </>
  );
}

const MODES: { id: Wish; text: string }[] = [
  { id: "system", text: "As the system" },
  { id: "light", text: "Light" },
  { id: "dark", text: "Dark" },
];
