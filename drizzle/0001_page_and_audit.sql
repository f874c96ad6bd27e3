CREATE TABLE "audit" (
	"location_id" text NOT NULL,
	"id" uuid NOT NULL,
	"actor_kind" text NOT NULL,
	"actor_id" text NOT NULL,
	"actor_name" text NOT NULL,
	"action" text NOT NULL,
	"target" text NOT NULL,
	"before" json,
	"after" json,
	"address" text NOT NULL,
	"request_id" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "audit_location_id_id_pk" PRIMARY KEY("location_id","id")
);
--> statement-breakpoint
CREATE TABLE "sessions" (
	"hash" text PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"key_id" text NOT NULL,
	"location_id" text,
	"link" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"used_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ends_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "deliveries" ADD COLUMN "range_id" uuid;--> statement-breakpoint
CREATE INDEX "audit_id" ON "audit" USING btree ("id");--> statement-breakpoint
CREATE UNIQUE INDEX "sessions_link" ON "sessions" USING btree ("link");--> statement-breakpoint
CREATE INDEX "sessions_ends_at" ON "sessions" USING btree ("ends_at");--> statement-breakpoint
CREATE INDEX "deliveries_range" ON "deliveries" USING btree ("location_id","range_id") WHERE range_id is not null;--> statement-breakpoint
create function audit_is_append_only() returns trigger language plpgsql as $$
begin
  raise exception 'The audit log is append-only.';
end
$$;--> statement-breakpoint
create trigger audit_is_append_only
before update or delete or truncate on audit
for each statement execute function audit_is_append_only();
