CREATE TABLE "api_keys" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"hash" text NOT NULL,
	"hint" text NOT NULL,
	"scopes" text[] NOT NULL,
	"location_id" text,
	"allowed_ips" text[],
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone,
	"last_used_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "app_webhooks" (
	"location_id" text NOT NULL,
	"id" uuid NOT NULL,
	"action" text NOT NULL,
	"props" json NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "app_webhooks_location_id_id_pk" PRIMARY KEY("location_id","id")
);
--> statement-breakpoint
CREATE TABLE "deliveries" (
	"location_id" text NOT NULL,
	"id" uuid NOT NULL,
	"endpoint_id" uuid NOT NULL,
	"first_sequence" bigint NOT NULL,
	"last_sequence" bigint NOT NULL,
	"events" integer NOT NULL,
	"actions" text[],
	"title" text NOT NULL,
	"url" text NOT NULL,
	"outcome" text DEFAULT 'sending' NOT NULL,
	"reason" text,
	"status_code" integer,
	"connected_ms" integer,
	"duration_ms" integer,
	"request_headers" json,
	"resend_of" uuid,
	"test" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp with time zone,
	"ended_at" timestamp with time zone,
	CONSTRAINT "deliveries_location_id_id_pk" PRIMARY KEY("location_id","id")
);
--> statement-breakpoint
CREATE TABLE "endpoints" (
	"location_id" text NOT NULL,
	"id" uuid NOT NULL,
	"url" text NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"actions" text[],
	"enabled" boolean DEFAULT true NOT NULL,
	"headers" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"secret" text NOT NULL,
	"secret_hint" text NOT NULL,
	"previous_secret" text,
	"previous_secret_until" timestamp with time zone,
	"start_sequence" bigint NOT NULL,
	"cursor" bigint NOT NULL,
	"lease_delivery_id" uuid,
	"lease_until" timestamp with time zone,
	"last_delivered_at" timestamp with time zone,
	"last_failed_at" timestamp with time zone,
	"failures_in_a_row" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"deleted_at" timestamp with time zone,
	CONSTRAINT "endpoints_location_id_id_pk" PRIMARY KEY("location_id","id")
);
--> statement-breakpoint
CREATE TABLE "events" (
	"location_id" text NOT NULL,
	"sequence" bigint NOT NULL,
	"id" uuid NOT NULL,
	"uuid" uuid NOT NULL,
	"action" text NOT NULL,
	"stations" integer NOT NULL,
	"customerid" bigint NOT NULL,
	"accepted_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "events_location_id_sequence_pk" PRIMARY KEY("location_id","sequence")
);
--> statement-breakpoint
CREATE TABLE "flows" (
	"location_id" text NOT NULL,
	"name" text NOT NULL,
	"id" uuid NOT NULL,
	"status" text NOT NULL,
	"async" boolean NOT NULL,
	"auth" text NOT NULL,
	"ref" text NOT NULL,
	"steps" json NOT NULL,
	"response" json NOT NULL,
	"signing_secret" text,
	"token_hash" text NOT NULL,
	"token_hint" text NOT NULL,
	"previous_token_hash" text,
	"previous_token_until" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "flows_location_id_name_pk" PRIMARY KEY("location_id","name")
);
--> statement-breakpoint
CREATE TABLE "invocations" (
	"location_id" text NOT NULL,
	"id" uuid NOT NULL,
	"webhook_id" text NOT NULL,
	"key_id" text NOT NULL,
	"key_name" text NOT NULL,
	"outcome" text NOT NULL,
	"reason" text,
	"detail" text,
	"status_code" integer,
	"duration_ms" integer,
	"request_bytes" integer,
	"response_bytes" integer,
	"request_body" text,
	"response_body" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	CONSTRAINT "invocations_location_id_id_pk" PRIMARY KEY("location_id","id")
);
--> statement-breakpoint
CREATE TABLE "locations" (
	"id" text PRIMARY KEY NOT NULL,
	"uuid" uuid DEFAULT gen_random_uuid() NOT NULL,
	"number" integer GENERATED ALWAYS AS IDENTITY (sequence name "locations_number_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"title" text NOT NULL,
	"last_sequence" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "runs" (
	"location_id" text NOT NULL,
	"id" uuid NOT NULL,
	"flow_id" uuid NOT NULL,
	"flow_name" text NOT NULL,
	"source" text NOT NULL,
	"status" text NOT NULL,
	"input" json NOT NULL,
	"chain" text[] NOT NULL,
	"steps" json,
	"response_status" integer,
	"response_type" text,
	"response_body" text,
	"error" json,
	"idempotency_key" text,
	"rerun_of" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp with time zone,
	"lease_until" timestamp with time zone,
	"ended_at" timestamp with time zone,
	CONSTRAINT "runs_location_id_id_pk" PRIMARY KEY("location_id","id")
);
--> statement-breakpoint
CREATE TABLE "skips" (
	"location_id" text NOT NULL,
	"endpoint_id" uuid NOT NULL,
	"first_sequence" bigint NOT NULL,
	"last_sequence" bigint NOT NULL,
	"reason" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "skips_location_id_endpoint_id_last_sequence_pk" PRIMARY KEY("location_id","endpoint_id","last_sequence")
);
--> statement-breakpoint
CREATE TABLE "webhooks" (
	"location_id" text NOT NULL,
	"id" text NOT NULL,
	"url" text NOT NULL,
	"method" text,
	"headers" jsonb NOT NULL,
	"query_params" text[] NOT NULL,
	"payload_encoding" text,
	"data_schema" json,
	"timeout_ms" integer NOT NULL,
	"record_bodies" boolean NOT NULL,
	"secret" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "webhooks_location_id_id_pk" PRIMARY KEY("location_id","id")
);
--> statement-breakpoint
CREATE UNIQUE INDEX "api_keys_hash" ON "api_keys" USING btree ("hash");--> statement-breakpoint
CREATE INDEX "deliveries_last_sequence" ON "deliveries" USING btree ("location_id","last_sequence");--> statement-breakpoint
CREATE INDEX "deliveries_created_at" ON "deliveries" USING brin ("created_at") WITH (autosummarize=true);--> statement-breakpoint
CREATE INDEX "deliveries_waiting" ON "deliveries" USING btree ("location_id","endpoint_id","id") WHERE started_at is null;--> statement-breakpoint
CREATE UNIQUE INDEX "events_id" ON "events" USING btree ("location_id","id");--> statement-breakpoint
CREATE INDEX "events_uuid" ON "events" USING btree ("location_id","uuid");--> statement-breakpoint
CREATE INDEX "events_accepted_at" ON "events" USING brin ("accepted_at") WITH (autosummarize=true);--> statement-breakpoint
CREATE INDEX "flows_id" ON "flows" USING btree ("id");--> statement-breakpoint
CREATE INDEX "invocations_webhook" ON "invocations" USING btree ("location_id","webhook_id","id");--> statement-breakpoint
CREATE INDEX "invocations_created_at" ON "invocations" USING brin ("created_at") WITH (autosummarize=true);--> statement-breakpoint
CREATE INDEX "locations_uuid" ON "locations" USING btree ("uuid");--> statement-breakpoint
CREATE UNIQUE INDEX "runs_idempotency_key" ON "runs" USING btree ("location_id","flow_id","idempotency_key") WHERE idempotency_key is not null;--> statement-breakpoint
CREATE INDEX "runs_open" ON "runs" USING btree ("created_at") WHERE status in ('queued', 'running');--> statement-breakpoint
CREATE INDEX "runs_created_at" ON "runs" USING brin ("created_at") WITH (autosummarize=true);--> statement-breakpoint
CREATE INDEX "skips_created_at" ON "skips" USING brin ("created_at") WITH (autosummarize=true);