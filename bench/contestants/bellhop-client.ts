import { type Contestant, type Settings } from './contestant.ts';
import { createHandOver } from './limit.ts';

/** A core app that hands events over to Bellhop, which delivers them in processes of its own. */
export async function createBellhopClient(settings: Settings): Promise<Contestant> {
  return { store: async () => {}, accept: createHandOver(settings), work: async () => async () => {} };
}
