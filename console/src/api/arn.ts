// What ARNs say.

/** `arn:aws:states:REGION:ACCOUNT:execution:MACHINE:NAME` → `NAME`. */
export function lastOf(arn: string): string {
  return arn.slice(arn.lastIndexOf(":") + 1);
}

/** The name of the machine of an execution, a version or an alias. */
export function machineNameOf(arn: string): string {
  return arn.split(":")[6]?.split("/")[0] ?? arn;
}

/** The machine of an execution. */
export function machineArnOf(executionArn: string): string {
  const parts = executionArn.split(":");
  return [...parts.slice(0, 5), "stateMachine", machineNameOf(executionArn)].join(":");
}

/** Addresses of pages. */
export const to = {
  machine: (arn: string) => `/machines/${encodeURIComponent(arn)}`,
  execution: (arn: string) => `/executions/${encodeURIComponent(arn)}`,
  mapRun: (arn: string) => `/map-runs/${encodeURIComponent(arn)}`,
  studio: (arn: string) => `/studio/${encodeURIComponent(arn)}`,
};
