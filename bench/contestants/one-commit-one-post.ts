import postgres from 'postgres';
import { type Contestant, createPost, type Settings } from './contestant.ts';

/** The least that any outbox does between an event and its arrival: it commits a row, then POSTs. */
export async function createOneCommitOnePost(settings: Settings): Promise<Contestant> {
  const post = createPost(settings);
  const url = new URL(settings.database);
  const sql = postgres({
    host: url.searchParams.get('host') ?? '',
    port: Number(url.port),
    user: url.username,
    database: url.pathname.slice(1),
    onnotice: () => {},
  });
  await sql`create table if not exists events (id bigint primary key, event jsonb not null)`;
  return {
    async store() {},
    async accept(event) {
      await sql`insert into events (id, event) values (${event.customerid}, ${JSON.stringify(event)}::jsonb)`;
      await post([event]);
    },
    work: async () => async () => {},
  };
}
