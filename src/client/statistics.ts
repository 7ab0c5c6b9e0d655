/** The states of the link to one server (docs/machines.md). */
export type LinkState = 'disconnected' | 'connecting' | 'connected' | 'reconnecting' | 'failed';

/** What a client has done since it was made. */
export interface Statistics {
  readonly messagesSent: number;
  readonly messagesReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Connections that broke or could not be made, and messages that could not be read. */
  readonly errors: number;
  /** Answers that came when nobody waited for them any more; they were dropped. */
  readonly late: number;
  readonly reconnections: number;
  /** Requests that wait to be sent. */
  readonly queued: number;
  /** Requests that wait for their answers. */
  readonly inFlight: number;
}

export interface LinkStatistics extends Statistics {
  readonly endpoint: string;
  readonly state: LinkState;
  /** Wall-clock ms; `null` while it is not connected. */
  readonly connectedSince: number | null;
}

export interface ClientStatistics extends Statistics {
  /** The oldest connection that lasts, in wall-clock ms; `null` while there is none. */
  readonly connectedSince: number | null;
  readonly servers: readonly LinkStatistics[];
}

/** The statistics of all servers together, and each. */
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
