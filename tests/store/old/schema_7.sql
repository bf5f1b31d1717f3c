BEGIN TRANSACTION;
CREATE TABLE assistants (
	position INTEGER NOT NULL, 
	partition TEXT DEFAULT '' NOT NULL, 
	id TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	metadata JSON, 
	fields JSON, 
	deleted_at BIGINT, 
	PRIMARY KEY (position), 
	CONSTRAINT assistants_partition_id_key UNIQUE (partition, id)
);
CREATE TABLE backscroll_schema (
	version INTEGER NOT NULL, 
	opened BIGINT NOT NULL
);
INSERT INTO "backscroll_schema" VALUES(7,6);
CREATE TABLE completion_messages (
	completion BIGINT NOT NULL, 
	position BIGINT NOT NULL, 
	body JSON NOT NULL, 
	PRIMARY KEY (completion, position)
);
INSERT INTO "completion_messages" VALUES(1,0,'{"role":"user","content":"Is it?"}');
INSERT INTO "completion_messages" VALUES(1,1,'{"role":"assistant","content":"Yes."}');
CREATE TABLE completion_metadata (
	completion BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (completion, name)
);
INSERT INTO "completion_metadata" VALUES(1,'topic','doubt');
CREATE TABLE completions (
	position INTEGER NOT NULL, 
	partition TEXT DEFAULT '' NOT NULL, 
	id TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	model TEXT NOT NULL, 
	metadata JSON, 
	choices JSON, 
	fields JSON, 
	input_count BIGINT NOT NULL, 
	import_key TEXT, 
	deleted_at BIGINT, 
	PRIMARY KEY (position), 
	CONSTRAINT completions_partition_id_key UNIQUE (partition, id), 
	CONSTRAINT completions_partition_import_key_key UNIQUE (partition, import_key)
);
INSERT INTO "completions" VALUES(1,'','chatcmpl-1',5,'gpt-x','{"topic":"doubt"}','[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"Yes."}}]','{"usage":null}',1,'c1',NULL);
INSERT INTO "completions" VALUES(2,'','chatcmpl-2',6,'gpt-y',NULL,NULL,NULL,1,'c2',1795318282);
CREATE TABLE conversations (
	position INTEGER NOT NULL, 
	partition TEXT DEFAULT '' NOT NULL, 
	id TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	metadata JSON, 
	next_position BIGINT NOT NULL, 
	import_key TEXT, 
	deleted_at BIGINT, last_active_us BIGINT DEFAULT '0' NOT NULL, imported_metadata JSON, imported_until BIGINT, message_count BIGINT, 
	PRIMARY KEY (position), 
	CONSTRAINT conversations_partition_id_key UNIQUE (partition, id), 
	CONSTRAINT conversations_partition_import_key_key UNIQUE (partition, import_key)
);
INSERT INTO "conversations" VALUES(1,'','conv_1',10,'{}',3,'v1',NULL,10000000,NULL,NULL,NULL);
INSERT INTO "conversations" VALUES(2,'','conv_tI1l0wYkMVX2f3lonKp8HkmT',1795318282,'{}',2,NULL,NULL,1795318282000000,NULL,NULL,NULL);
CREATE TABLE forgotten (
	digest TEXT NOT NULL, 
	forgotten_at BIGINT NOT NULL, 
	PRIMARY KEY (digest)
);
CREATE TABLE idempotency (
	scope TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	request_hash TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	status INTEGER NOT NULL, 
	body TEXT, 
	collection_id TEXT NOT NULL, 
	object_id TEXT NOT NULL, kept_since_ms BIGINT, 
	PRIMARY KEY (scope, "key")
);
INSERT INTO "idempotency" VALUES('','key-1','4cd2c69ae0efdeb25ed2b46a436ceda12122e4c78b17ed87349021ec5581c02f',1795318282,200,'{"id":"msg_WR9YIAziKo53FLEsUHOcTcZ7","object":"thread.message","created_at":1795318282,"thread_id":"thread_1","status":"completed","completed_at":1795318282,"incomplete_at":null,"incomplete_details":null,"role":"user","content":[{"type":"text","text":{"value":"third","annotations":[]}}],"assistant_id":null,"run_id":null,"attachments":[],"metadata":{}}','thread_1','msg_WR9YIAziKo53FLEsUHOcTcZ7',0);
INSERT INTO "idempotency" VALUES('','key-2','7b8d9755d1b9b157161cbf7f717c16ffeef29fc73cf324d02d701f19f561f161',1795318282,200,NULL,'thread_bVm07q0ilArIuXMLZLqAAph8','thread_bVm07q0ilArIuXMLZLqAAph8',0);
CREATE TABLE items (
	conversation BIGINT NOT NULL, 
	position BIGINT NOT NULL, 
	id TEXT NOT NULL, 
	body JSON, 
	deleted_at BIGINT, created_at BIGINT, import_key TEXT, import_digest BIGINT, 
	UNIQUE (conversation, id)
);
INSERT INTO "items" VALUES(1,1,'msg_9','{"type":"message","role":"user","content":[{"type":"input_text","text":"hello"}],"status":"completed"}',NULL,NULL,NULL,NULL);
INSERT INTO "items" VALUES(1,2,'item_1','{"type":"function_call","name":"f","arguments":"{}","call_id":"c"}',NULL,NULL,NULL,NULL);
INSERT INTO "items" VALUES(2,1,'msg_R2yc6Qsu4qZYY6wUU8gB4j6w','{"role":"user","content":[{"type":"input_text","text":"later"}],"type":"message","status":"completed"}',NULL,NULL,NULL,NULL);
CREATE TABLE messages (
	thread BIGINT NOT NULL, 
	position BIGINT NOT NULL, 
	id TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	role TEXT NOT NULL, 
	content JSON, 
	attachments JSON, 
	metadata JSON, 
	run_id TEXT, 
	assistant_id TEXT, 
	status TEXT NOT NULL, 
	incomplete_at BIGINT, 
	incomplete_details JSON, 
	deleted_at BIGINT, import_key TEXT, import_digest BIGINT, 
	UNIQUE (thread, id)
);
INSERT INTO "messages" VALUES(1,1,'msg_1',8,'user','[{"type":"text","text":{"value":"Grüße, ''quoted'' ; -- 漢字 🙂\nline","annotations":[]}}]','[{"file_id":"file_1","tools":[]}]','{}','run_1',NULL,'completed',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "messages" VALUES(1,2,'msg_2',9,'assistant',NULL,NULL,NULL,NULL,NULL,'completed',NULL,NULL,1795318282,NULL,NULL);
INSERT INTO "messages" VALUES(1,3,'msg_WR9YIAziKo53FLEsUHOcTcZ7',1795318282,'user','[{"type":"text","text":{"value":"third","annotations":[]}}]','[]','{}',NULL,NULL,'completed',NULL,NULL,NULL,NULL,NULL);
CREATE TABLE response_items (
	response BIGINT NOT NULL, 
	position BIGINT NOT NULL, 
	id TEXT NOT NULL, 
	type TEXT NOT NULL, 
	is_output BOOLEAN NOT NULL, 
	body JSON, 
	PRIMARY KEY (response, position)
);
CREATE TABLE responses (
	position INTEGER NOT NULL, 
	partition TEXT DEFAULT '' NOT NULL, 
	id TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	conversation_id TEXT, 
	previous_response_id TEXT, 
	message_count BIGINT NOT NULL, 
	metadata JSON, 
	fields JSON, 
	import_key TEXT, 
	deleted_at BIGINT, 
	PRIMARY KEY (position), 
	CONSTRAINT responses_partition_id_key UNIQUE (partition, id), 
	CONSTRAINT responses_partition_import_key_key UNIQUE (partition, import_key)
);
CREATE TABLE retention_clock (
	elapsed_ms BIGINT NOT NULL, 
	token TEXT NOT NULL
);
INSERT INTO "retention_clock" VALUES(0,'');
CREATE TABLE search_pending (
	kind INTEGER NOT NULL, 
	below BIGINT NOT NULL, 
	PRIMARY KEY (kind)
);
INSERT INTO "search_pending" VALUES(0,3);
INSERT INTO "search_pending" VALUES(1,3);
INSERT INTO "search_pending" VALUES(2,3);
INSERT INTO "search_pending" VALUES(5,0);
CREATE TABLE search_scopes (
	partition TEXT NOT NULL, 
	scope INTEGER NOT NULL, 
	PRIMARY KEY (partition)
);
CREATE TABLE search_seal (
	"key" TEXT NOT NULL
);
INSERT INTO "search_seal" VALUES('0000000000000000000000000000000000000000000000000000000000000000');
CREATE TABLE search_vectors (
	"row" BIGINT NOT NULL, 
	scope INTEGER NOT NULL, 
	model INTEGER NOT NULL, 
	signs BLOB, 
	vector BLOB, 
	PRIMARY KEY ("row")
);
CREATE TABLE threads (
	position INTEGER NOT NULL, 
	partition TEXT DEFAULT '' NOT NULL, 
	id TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	metadata JSON, 
	tool_resources JSON, 
	next_position BIGINT NOT NULL, 
	message_count BIGINT NOT NULL, 
	last_message_at BIGINT, 
	import_key TEXT, 
	deleted_at BIGINT, last_active_us BIGINT DEFAULT '0' NOT NULL, imported_metadata JSON, imported_until BIGINT, 
	PRIMARY KEY (position), 
	CONSTRAINT threads_partition_id_key UNIQUE (partition, id), 
	CONSTRAINT threads_partition_import_key_key UNIQUE (partition, import_key)
);
INSERT INTO "threads" VALUES(1,'','thread_1',7,'{"a":"b"}',NULL,4,2,1795318282,'t1',NULL,1795318282000000,NULL,NULL);
INSERT INTO "threads" VALUES(2,'','thread_bVm07q0ilArIuXMLZLqAAph8',1795318282,NULL,NULL,1,0,NULL,NULL,1795318282,1795318282000000,NULL,NULL);
CREATE TABLE tokens (
	id TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	name TEXT NOT NULL, 
	scopes JSON, 
	toolsets JSON, 
	partition TEXT DEFAULT '' NOT NULL, 
	upstream_key_variable TEXT, 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT, 
	revoked_at BIGINT, 
	PRIMARY KEY (id), 
	UNIQUE (digest)
);
INSERT INTO "tokens" VALUES('tok_1','0000000000000000000000000000000000000000000000000000000000000000','ada','["read","write"]','["messages"]','',NULL,1795318282,NULL,NULL);
CREATE TABLE watermarks (
	partition TEXT NOT NULL, 
	path TEXT NOT NULL, 
	size BIGINT NOT NULL, 
	mtime_ns BIGINT NOT NULL, 
	inode BIGINT, 
	state TEXT, 
	PRIMARY KEY (partition, path)
);
CREATE INDEX living_threads ON threads (partition, position) WHERE deleted_at IS NULL;
CREATE INDEX living_messages_of_run ON messages (thread, run_id, position) WHERE run_id IS NOT NULL AND deleted_at IS NULL;
CREATE UNIQUE INDEX living_messages ON messages (thread, position) WHERE deleted_at IS NULL;
CREATE INDEX living_conversations ON conversations (partition, position) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX living_items ON items (conversation, position) WHERE deleted_at IS NULL;
CREATE INDEX living_completions_of_model ON completions (partition, model, position) WHERE deleted_at IS NULL;
CREATE INDEX living_completions ON completions (partition, position) WHERE deleted_at IS NULL;
CREATE INDEX metadata_pairs ON completion_metadata (name, value);
CREATE INDEX idempotency_by_object ON idempotency (collection_id, object_id);
CREATE INDEX idempotency_by_age ON idempotency (kept_since_ms);
CREATE INDEX threads_by_activity ON threads (partition, last_active_us, position);
CREATE INDEX conversations_by_activity ON conversations (partition, last_active_us, position);
CREATE INDEX imported_items ON items (conversation, import_key) WHERE import_key IS NOT NULL;
CREATE INDEX search_vectors_signs ON search_vectors (scope, model, "row", signs);
CREATE INDEX search_vectors_outdated ON search_vectors ("row") WHERE vector IS NULL;
CREATE INDEX living_responses ON responses (partition, position) WHERE deleted_at IS NULL;
CREATE INDEX living_responses_of_conversation ON responses (partition, conversation_id, position) WHERE deleted_at IS NULL;
CREATE INDEX response_items_by_id ON response_items (id, response);
CREATE INDEX living_assistants ON assistants (partition, position) WHERE deleted_at IS NULL;
COMMIT;
