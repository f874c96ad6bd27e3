-- Makes each table that grows with the events into 16 partitions by location, and moves its rows. See docs/scaling.md, "Partitions".
--
-- Run it as the owner of the tables, with every process of Bellhop stopped, after `npm run migrate`:
--   psql "$DATABASE_URL" --single-transaction --set ON_ERROR_STOP=1 --file deploy/partition-by-location.sql
-- All of it happens or nothing. It needs room for the tables once more. Tables that are partitioned already are left alone.

do $$
declare
  partitions constant int := 16;
  one record;
  statement text;
begin
  -- Rows keep the order in which they are stored: retention finds the oldest by it.
  set local synchronize_seqscans = off;
  for one in
    select c.oid, c.relname as name, c.relacl as rights, c.relname || '_whole' as whole,
      array(
        select format('alter table %I add constraint %I %s', c.relname, conname, pg_get_constraintdef(oid))
        from pg_constraint
        where conrelid = c.oid and contype in ('p', 'u')
      ) || array(
        select pg_get_indexdef(indexrelid)
        from pg_index
        where indrelid = c.oid and not exists (select from pg_constraint where conindid = indexrelid)
      ) || array(
        select pg_get_triggerdef(oid) from pg_trigger where tgrelid = c.oid and not tgisinternal
      ) as additions
    from unnest(array['events', 'deliveries', 'skips', 'invocations', 'runs']) name
    join pg_class c on c.oid = to_regclass(name) and c.relkind = 'r'
  loop
    raise notice 'partitioning %', one.name;
    execute format('alter table %I rename to %I', one.name, one.whole);
    execute format(
      'create table %I (like %I including defaults including constraints including storage) partition by hash (location_id)',
      one.name, one.whole);
    for n in 0 .. partitions - 1 loop
      execute format('create table %I partition of %I for values with (modulus %s, remainder %s)',
        one.name || '_' || n, one.name, partitions, n);
    end loop;
    execute format('insert into %I select * from %I', one.name, one.whole);
    execute format('drop table %I', one.whole);
    foreach statement in array one.additions loop
      execute statement;
    end loop;
    for statement in
      select format('grant %s on %I to %s', privilege_type, one.name, case grantee when 0 then 'public' else grantee::regrole::text end)
      from aclexplode(one.rights)
    loop
      execute statement;
    end loop;
    execute format('analyze %I', one.name);
  end loop;
end
$$;
