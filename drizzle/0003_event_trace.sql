CREATE TABLE "intake_spans" (
	"location_id" text NOT NULL,
	"first_sequence" bigint NOT NULL,
	"last_sequence" bigint NOT NULL,
	"traceparent" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "intake_spans_location_id_last_sequence_pk" PRIMARY KEY("location_id","last_sequence")
);
--> statement-breakpoint
CREATE INDEX "intake_spans_created_at" ON "intake_spans" USING brin ("created_at") WITH (autosummarize=true);