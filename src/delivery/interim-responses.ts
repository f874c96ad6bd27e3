import type { Socket } from 'node:net';

/**
 * Takes interim responses (100, 102, 103, …) out of what is read from a socket. undici ends the connection on a 100
 * that was not asked for, where RFC 9110 (15.2) wants a client to pass over it. 101 and interim responses that are
 * malformed or too long destroy the socket with a {@link ProtocolError}.
 * @param maxHeadBytes of one interim response.
 * @returns a function to call when a request is about to be written: what is read next is the head of its answer.
 */
export function skipInterimResponses(socket: Socket, maxHeadBytes: number): () => void {
  const read = socket.read.bind(socket);
  let expectsHead = false;
  let held: Buffer | null = null;

  /** Returns what is left for undici to read: null while it may still become an interim response. */
  function skip(chunk: Buffer): Buffer | null {
    let bytes = held === null ? chunk : Buffer.concat([held, chunk]);
    held = null;
    while (mayBeInterim(bytes)) {
      const length = bytes.indexOf(headEnd) + headEnd.length;
      const isWhole = length >= headEnd.length;
      if (isWhole ? !isWellFormed(bytes.subarray(0, length)) : bytes.length > maxHeadBytes) {
        socket.destroy(new ProtocolError('The receiver sent an interim response that cannot be used.'));
        return null;
      }
      if (!isWhole) {
        held = bytes;
        return null;
      }
      bytes = bytes.subarray(length);
    }
    expectsHead = false;
    return bytes;
  }

  socket.read = (size?: number) => {
    let chunk: Buffer | null = read(size);
    while (chunk !== null && expectsHead) {
      const rest = skip(chunk);
      if (rest !== null || socket.destroyed) return rest;
      chunk = read(size);
    }
    return chunk;
  };
  return () => {
    expectsHead = true;
  };
}

/** The receiver does not speak HTTP/1.1 as it should. */
export class ProtocolError extends Error {
  override name = 'ProtocolError';
}

const headEnd = '\r\n\r\n';

/** Whether these bytes are, or are the beginning of, an HTTP/1 response with a status of the 100s. */
function mayBeInterim(bytes: Buffer): boolean {
  if (bytes.length > 9 && bytes[9] !== 0x31) return false;
  const start = bytes.toString('latin1', 0, 10);
  return 'HTTP/1.1 1'.startsWith(start) || 'HTTP/1.0 1'.startsWith(start);
}

function isWellFormed(head: Buffer): boolean {
  return /^HTTP\/1\.[01] 1(?!01)\d\d(?: [^\r\n]*)?\r\n(?:[^\r\n]+\r\n)*\r\n$/.test(head.toString('latin1'));
}
