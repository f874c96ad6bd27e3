import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Bounds the connections of a server. One too many takes the place of the one that has been without a request for
 * longest: those who only hold connections push out each other, and nobody who sends a request at once.
 * @param max open connections. When each of them has a request under way, a further one is closed.
 * @param unreadMs milliseconds after which one is closed whose client reads nothing of its answer.
 */
export function boundConnections(server: Server, max: number, unreadMs: number): void {
  const waiting = new Set<Socket>(); // in the order in which they began to wait
  let openCount = 0;
  server.on('connection', (socket: Socket) => {
    openCount += 1;
    waiting.add(socket);
    socket.once('close', () => {
      openCount -= 1;
      waiting.delete(socket);
    });
    if (openCount > max) closeLongest(waiting);
  });
  const latest = new WeakMap<Socket, ServerResponse>();
  const serve = ({ socket }: IncomingMessage, outgoing: ServerResponse) => {
    waiting.delete(socket);
    latest.set(socket, outgoing);
    outgoing.once('close', () => {
      // Answers go out in the order of their requests: further ones may be under way.
      if (!socket.destroyed && latest.get(socket) === outgoing) waiting.add(socket);
    });
  };
  server.on('request', serve).on('checkExpectation', serve);
  // Also fires when the keep-alive time is over. A request whose answer takes long to make is left alone.
  server.setTimeout(unreadMs, (socket) => {
    if (waiting.has(socket) || socket.writableLength > 0) socket.destroy();
  });
}

function closeLongest(waiting: Set<Socket>): void {
  const [longest] = waiting;
  if (longest === undefined) return;
  waiting.delete(longest);
  longest.destroy();
}
