import { type Context, Router, type SocketOptions } from 'zeromq';
import type { Keyring, KnownKey } from '../control/access/keyring.js';
import { encodeZ85 } from '../protocol/curve.js';

/** The domains of ZAP: one for requests, one for published reports. */
export type Domain = 'requests' | 'reports';

/** Called with a refused connection. */
export type OnRefusedConnection = (refusal: Refusal) => void;

export interface Refusal {
  readonly domain: string;
  /** The name of the key; `null` without a known key. */
  readonly name: string | null;
  /** The IP address of the peer; `null` when libzmq does not know it. */
  readonly address: string | null;
  /** The public key that the peer has proved, in Z85; `null` when the handshake failed before that. */
  readonly publicKey: string | null;
  readonly reason: string;
}

/** Decides which connections are accepted. */
export interface ZapHandler {
  close(): Promise<void>;
}

/** The options of a socket that accepts only known keys. Without a ZAP handler in its context it accepts no connection. */
export function curveServer(keyring: Keyring, domain: Domain): CurveServerOptions {
  return { curveServer: true, curveSecretKey: keyring.secretKey, zapDomain: domain, zapEnforceDomain: true };
}

export interface CurveServerOptions {
  readonly curveServer: true;
  readonly curveSecretKey: string;
  readonly zapDomain: string;
  readonly zapEnforceDomain: true;
}

/**
 * Answers the ZAP requests (RFC 27) of one context: libzmq sends one for each connection, after the client has proved its secret key. A context has one
 * ZAP handler, so a server with keys has a context of its own. `failed` is called when the handler ends: from then on no connection with a key is
 * accepted.
 */
export async function startZapHandler(
  context: Context,
  keyring: Keyring,
  onRefused: OnRefusedConnection,
  failed: (thrown: unknown) => void,
): Promise<ZapHandler> {
  const socket = new Router({ context, linger: 0 } satisfies SocketOptions<Router>);
  await socket.bind(ZAP_ENDPOINT);
  const answering = answerAll(socket, keyring, onRefused).catch(failed);
  return {
    close: async () => {
      socket.close();
      await answering;
    },
  };
}

const ZAP_ENDPOINT = 'inproc://zeromq.zap.01';

async function answerAll(socket: Router, keyring: Keyring, onRefused: OnRefusedConnection): Promise<void> {
  for await (const [peer = NONE, delimiter = NONE, version = NONE, id = NONE, ...question] of socket) {
    const [domain = NONE, address = NONE, , mechanism = NONE, credential = NONE] = question;
    const { name, publicKey, refusal } = decide(keyring, domain.toString(), mechanism.toString(), credential);
    const [code, text] = refusal === null ? ['200', 'OK'] : ['400', refusal];
    await socket.send([peer, delimiter, version, id, code, text, name ?? '', '']);
    if (refusal === null) continue;
    onRefused({ domain: domain.toString(), name, address: address.toString(), publicKey, reason: refusal });
  }
}

const NONE = Buffer.alloc(0);

interface Decision {
  readonly name: string | null;
  readonly publicKey: string | null;
  readonly refusal: string | null;
}

function decide(keyring: Keyring, domain: string, mechanism: string, credential: Buffer): Decision {
  if (mechanism !== 'CURVE' || credential.length !== 32)
    return { name: null, publicKey: null, refusal: 'CURVE is asked for' };
  const publicKey = encodeZ85(credential);
  const key: KnownKey | null = keyring.find(publicKey);
  if (key === null) return { name: null, publicKey, refusal: 'the key is not known' };
  if (domain === 'requests') return { name: key.name, publicKey, refusal: null };
  const admitted = domain === 'reports' && keyring.mayFollow(key);
  return {
    name: key.name,
    publicKey,
    refusal: admitted ? null : 'subscribing takes the role observe for the whole tree',
  };
}
