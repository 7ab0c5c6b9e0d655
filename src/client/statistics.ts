/** The states of the link to one server (docs/machines.md). */
export type LinkState = 'disconnected' | 'connecting' | 'connected' | 'reconnecting' | 'failed';

/** Counts since the client was made. */
export interface Statistics {
  readonly messagesSent: number;
  readonly messagesReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Connections that broke or could not be made, and messages that could not be read. */
  readonly errors: number;
  /** Answers that came after their request had been abandoned; they were dropped. */
  readonly late: number;
  readonly reconnections: number;
  /** Requests that are not sent yet. */
  readonly queued: number;
  /** Requests that were sent and are not answered. */
  readonly inFlight: number;
}

export interface LinkStatistics extends Statistics {
  readonly endpoint: string;
  readonly state: LinkState;
  /** Wall-clock ms; `null` while it is not connected. */
  readonly connectedSince: number | null;
}

export interface ClientStatistics extends Statistics {
  /** Since when the oldest of the present connections exists, in wall-clock ms; `null` while there is none. */
  readonly connectedSince: number | null;
  readonly servers: readonly LinkStatistics[];
}

/** The sums over all servers, and the statistics of each. */
export function totalOf(servers: readonly LinkStatistics[]): ClientStatistics {
  const sum = (pick: (each: LinkStatistics) => number) => servers.reduce((total, each) => total + pick(each), 0);
  const since = servers.flatMap(({ connectedSince }) => connectedSince ?? []);
  return {
    messagesSent: sum((each) => each.messagesSent),
    messagesReceived: sum((each) => each.messagesReceived),
    bytesSent: sum((each) => each.bytesSent),
    bytesReceived: sum((each) => each.bytesReceived),
    errors: sum((each) => each.errors),
    late: sum((each) => each.late),
    reconnections: sum((each) => each.reconnections),
    queued: sum((each) => each.queued),
    inFlight: sum((each) => each.inFlight),
    connectedSince: since.length === 0 ? null : Math.min(...since),
    servers,
  };
}
