// Preloaded into a process of a test: it pauses itself once, in the middle of its first POST to a receiver, when every
// check has passed and nothing has been written.
import { Socket } from 'node:net';

const write = Socket.prototype.write;
let isPaused = false;

Socket.prototype.write = function pauseAndWrite(data, ...rest) {
  if (!isPaused && String(data).startsWith('POST ')) {
    isPaused = true;
    process.kill(process.pid, 'SIGSTOP');
  }
  return write.call(this, data, ...rest);
};
