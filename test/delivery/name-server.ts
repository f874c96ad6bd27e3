import { createSocket } from 'node:dgram';

/**
 * What the name server says about each family of a name: addresses (none: no such record), an error code, or nothing;
 * `delayMs` after the name was first asked for, as a server that has to ask others does.
 */
export type Records = { a?: Family; aaaa?: Family; delayMs?: number };
type Family = Buffer[] | number | 'silent';

/** A running {@link startNameServer}: its `address` for `Resolver.setServers`, and what it was asked. */
export type NameServer = { address: string; asked: string[]; stop: () => Promise<void> };

/** DNS response codes (RFC 1035, 4.1.1). */
export const serverFailure = 2;
export const noSuchName = 3;

/**
 * Starts a real DNS server on 127.0.0.1 (UDP) that answers the same for each name, or as a function says for each question.
 * @param records addresses as bytes: 4 for `a`, 16 for `aaaa`.
 */
export async function startNameServer(records: Records | ((name: string) => Records)): Promise<NameServer> {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  const firstAskedAt = new Map<string, number>();
  const timers = new Set<NodeJS.Timeout>();
  socket.on('message', (query, from) => {
    const question = query.subarray(12, query.indexOf(0, 12) + 5);
    const isIpv6 = question.readUInt16BE(question.length - 4) === 28;
    const name = nameIn(question);
    asked.push(`${isIpv6 ? 'AAAA' : 'A'} ${name}`);
    const { a = [], aaaa = [], delayMs = 0 } = typeof records === 'function' ? records(name) : records;
    const answer = isIpv6 ? aaaa : a;
    if (answer === 'silent') return;
    const send = () => socket.send(respond(query, question, answer), from.port, from.address);
    const askedAt = firstAskedAt.get(name) ?? performance.now();
    firstAskedAt.set(name, askedAt);
    const leftMs = askedAt + delayMs - performance.now();
    if (leftMs <= 0) send();
    else timers.add(setTimeout(send, leftMs));
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    stop() {
      for (const timer of timers) clearTimeout(timer);
      return new Promise((resolve) => socket.close(() => resolve()));
    },
  };
}

function nameIn(question: Buffer): string {
  const labels: string[] = [];
  for (let at = 0; question[at]; at += 1 + (question[at] ?? 0))
    labels.push(question.toString('latin1', at + 1, at + 1 + (question[at] ?? 0)));
  return labels.join('.');
}

function respond(query: Buffer, question: Buffer, answer: Buffer[] | number): Buffer {
  const addresses = typeof answer === 'number' ? [] : answer;
  const header = Buffer.alloc(12);
  header.writeUInt16BE(query.readUInt16BE(0), 0);
  header.writeUInt16BE(0x8180 | (typeof answer === 'number' ? answer : 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(addresses.length, 6);
  const records = addresses.map((address) => {
    const record = Buffer.from('c00c0000000100000000', 'hex');
    record.writeUInt16BE(address.length === 4 ? 1 : 28, 2);
    return Buffer.concat([record, Buffer.from([0, address.length]), address]);
  });
  return Buffer.concat([header, question, ...records]);
}
