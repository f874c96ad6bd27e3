import { connect, type Socket } from 'node:net';
import { type Listener, startRawReceiver } from './receiver.ts';

/** A relay in front of a receiver that keeps what the receiver says from the sender. */
export type Relay = Listener & {
  /** Waits until the receiver has said something on the first connection. */
  answered: () => Promise<unknown>;
  /** Lets the first connection flow. Resolves when what was held is on its way to the sender. */
  release: () => Promise<void>;
};

type Pair = { sender: Socket; receiver: Socket };

/**
 * Starts a relay to a port of this machine. In front of an https receiver it holds up the TLS handshake: the sender is
 * connected, and can send nothing yet.
 * @example const relay = await startRelay(receiver.port); await relay.answered(); await relay.release();
 */
export async function startRelay(port: number): Promise<Relay> {
  let begin: (pair: Pair) => void;
  const first = new Promise<Pair>((resolve) => {
    begin = resolve;
  });
  const listener = await startRawReceiver((sender) => {
    const receiver = connect(port, '127.0.0.1');
    receiver.on('error', () => sender.destroy());
    receiver.once('close', () => sender.destroy());
    sender.once('close', () => receiver.destroy());
    sender.pipe(receiver);
    receiver.once('readable', () => begin({ sender, receiver }));
  });
  return {
    ...listener,
    answered: () => first,
    async release() {
      const { sender, receiver } = await first;
      await new Promise((resolve) => sender.write(receiver.read(), resolve));
      receiver.pipe(sender);
    },
  };
}
