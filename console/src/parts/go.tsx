// Links within the console.
import Link from "@cloudscape-design/components/link";
import { useNavigate } from "react-router";

/** A link to another page of the console. */
export function Go({ to, children, external = false }: { to: string; children: React.ReactNode; external?: boolean }) {
  const navigate = useNavigate();
  return (
    <Link
      href={`/console${to}`}
      external={external}
      onFollow={(event) => {
        // To another window, the browser knows the way.
        if (external) return;
        event.preventDefault();
        void navigate(to);
      }}
    >
      <bdi className="name">{children}</bdi>
    </Link>
  );
}
