-- These rows are changed soon after they were written. With room in their page the new version needs no new entries in the indexes.
ALTER TABLE "deliveries" SET (fillfactor = 50);--> statement-breakpoint
ALTER TABLE "endpoints" SET (fillfactor = 50);--> statement-breakpoint
ALTER TABLE "locations" SET (fillfactor = 50);
