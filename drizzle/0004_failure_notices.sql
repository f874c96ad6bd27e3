CREATE TABLE "notices" (
	"location_id" text NOT NULL,
	"id" uuid NOT NULL,
	"title" text NOT NULL,
	"endpoint_id" uuid NOT NULL,
	"host" text NOT NULL,
	"description" text NOT NULL,
	"step" text NOT NULL,
	"failing_since" timestamp with time zone NOT NULL,
	"failures_in_a_row" integer NOT NULL,
	"last_reason" text,
	"last_status_code" integer,
	"outcome" text,
	"reason" text,
	"status_code" integer,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp with time zone,
	"ended_at" timestamp with time zone,
	CONSTRAINT "notices_location_id_id_pk" PRIMARY KEY("location_id","id")
);
--> statement-breakpoint
ALTER TABLE "endpoints" ADD COLUMN "failing_since" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "endpoints" ADD COLUMN "disabled_reason" text;--> statement-breakpoint
ALTER TABLE "locations" ADD COLUMN "disable_failing_after_hours" integer;--> statement-breakpoint
CREATE UNIQUE INDEX "notices_step" ON "notices" USING btree ("location_id","endpoint_id","failing_since","step");--> statement-breakpoint
CREATE INDEX "notices_id" ON "notices" USING btree ("id");