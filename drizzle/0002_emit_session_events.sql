CREATE TABLE "inbox" (
	"location_id" text NOT NULL,
	"number" bigint GENERATED ALWAYS AS IDENTITY (sequence name "inbox_number_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"id" uuid NOT NULL,
	"uuid" uuid NOT NULL,
	"action" text NOT NULL,
	"stations" integer NOT NULL,
	"customerid" bigint NOT NULL,
	"emitted_at" timestamp with time zone NOT NULL,
	CONSTRAINT "inbox_location_id_number_pk" PRIMARY KEY("location_id","number")
);
--> statement-breakpoint
create schema if not exists bellhop;
--> statement-breakpoint
create function bellhop.mistake_in_uuid(value jsonb) returns text language sql immutable as $$
  select case
    when jsonb_typeof(value) = 'string' and value #>> '{}' ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' then null
    else 'must be a UUID like 41509791-3de8-5bb9-b4fc-a9753da95aad'
  end
$$;
--> statement-breakpoint
create function bellhop.mistake_in_number(value jsonb, smallest bigint, largest bigint) returns text language sql immutable as $$
  select case
    when jsonb_typeof(value) is distinct from 'number' then format('must be a whole number from %s to %s', smallest, largest)
    when value::numeric % 1 <> 0 then format('must be a whole number from %s to %s', smallest, largest)
    when value::numeric < smallest then format('must be at least %s', smallest)
    when value::numeric > largest then format('must be at most %s', largest)
  end
$$;
--> statement-breakpoint
create function bellhop.mistakes_in_event(event jsonb) returns table (path text, message text) language sql stable as $$
  select '', 'must be an object: one event' where jsonb_typeof(event) is distinct from 'object'
  union all
  select m.*
  from (values
    ('id', case when event ? 'id' then bellhop.mistake_in_uuid(event -> 'id') end),
    ('uuid', bellhop.mistake_in_uuid(event -> 'uuid')),
    ('action', case when event -> 'action' in ('"create"', '"delete"') then null else 'must be "create" or "delete"' end),
    ('stations', bellhop.mistake_in_number(event -> 'stations', 1, 2147483647)),
    ('customerid', bellhop.mistake_in_number(event -> 'customerid', 0, 9007199254740991)),
    ('locationId', case
      when jsonb_typeof(event -> 'locationId') is distinct from 'string' then 'must be a text'
      when event ->> 'locationId' !~ '^[A-Za-z0-9_-]{1,64}$' then 'must be 1 to 64 of the characters A-Z a-z 0-9 _ -'
      when not exists (select from locations l where l.id = event ->> 'locationId' and l.deleted_at is null)
        then 'there is no location ' || (event ->> 'locationId')
    end)) m (path, message)
  where jsonb_typeof(event) = 'object' and m.message is not null
$$;
--> statement-breakpoint
create function bellhop.mistakes_in_events(events jsonb) returns table (path text, message text) language sql stable as $$
  select m.path, m.message
  from bellhop.mistakes_in_event(events) m
  where jsonb_typeof(events) is distinct from 'array'
  union all
  select '', 'must hold at least one event' where events = '[]'
  union all
  select '', 'must hold at most 1000 events' where jsonb_typeof(events) = 'array' and jsonb_array_length(events) > 1000
  union all
  select concat_ws('.', e.n - 1, nullif(m.path, '')), m.message
  from jsonb_array_elements(case when jsonb_typeof(events) = 'array' then events else '[]' end) with ordinality e (event, n)
  cross join lateral bellhop.mistakes_in_event(e.event) m
  where e.n <= 1000
$$;
--> statement-breakpoint
-- What a core app calls in the transaction of its booking. It takes no lock that anybody waits for, and waits for none.
create function bellhop.emit_session_events(events jsonb) returns jsonb language plpgsql security definer as $$
declare
  mistakes jsonb;
  answer jsonb;
begin
  select jsonb_agg(jsonb_build_object('path', m.path, 'message', m.message)) into mistakes
  from (select * from bellhop.mistakes_in_events(events) limit 20) m;
  if mistakes is not null then
    raise exception using
      errcode = 'invalid_parameter_value',
      message = 'Bellhop refused the events, and stored none: ' || (
        select string_agg(concat_ws(': ', nullif(m.path, ''), m.message), '; ')
        from jsonb_to_recordset(mistakes) m (path text, message text)),
      detail = mistakes;
  end if;
  with given as (
    select e.n, coalesce((e.event ->> 'id')::uuid, gen_random_uuid()) as id, e.event
    from jsonb_array_elements(case jsonb_typeof(events) when 'array' then events else jsonb_build_array(events) end)
      with ordinality e (event, n)
  ),
  stored as (
    insert into inbox (location_id, id, uuid, action, stations, customerid, emitted_at)
    select event ->> 'locationId', id, (event ->> 'uuid')::uuid, event ->> 'action', (event -> 'stations')::int,
      (event -> 'customerid')::bigint, clock_timestamp()
    from given
    order by n
  )
  select jsonb_build_object('events',
    jsonb_agg(jsonb_build_object('id', id, 'locationId', event -> 'locationId') order by n)) into answer
  from given;
  perform pg_notify('bellhop_emit', '');
  return answer;
end
$$;
--> statement-breakpoint
-- The schema that has the tables, and nothing that a caller could put in front of them: temporary tables come last.
do $$
begin
  execute format(
    'alter function bellhop.emit_session_events(jsonb) set search_path = pg_catalog, %I, pg_temp', current_schema());
end
$$;
--> statement-breakpoint
revoke all on all functions in schema bellhop from public;
