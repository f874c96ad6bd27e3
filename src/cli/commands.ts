import type { Command } from './command.ts';
import { completions } from './completions.ts';
import { deliveries, showOneDelivery } from './deliveries.ts';
import { demo } from './demo.ts';
import { doctor } from './doctor.ts';
import { emit } from './emit.ts';
import { endpoints } from './endpoints.ts';
import { keys } from './keys.ts';
import { listen } from './listen.ts';
import { locations } from './locations.ts';
import { migrate } from './migrate.ts';
import { reencrypt } from './reencrypt.ts';
import { dropResend, resend, watchResend } from './resend.ts';
import { start } from './start.ts';

/** Every command of `bellhop`, in the order of the help. */
export const commands: Command[] = [
  start,
  demo,
  doctor,
  migrate,
  reencrypt,
  ...locations,
  ...endpoints,
  ...keys,
  emit,
  listen,
  deliveries,
  showOneDelivery,
  resend,
  watchResend,
  dropResend,
];
commands.push(completions(commands));
