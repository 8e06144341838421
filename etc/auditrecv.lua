-- Settings of auditrecv: data, no code. What is commented out shows the default.
-- `auditrecv check -c FILE` tells what is wrong and prints what is in force.

return {
	-- Where senders connect to: a list of listeners.
	listen = { {
		-- Address or name to listen on. Not set: every address of the machine, IPv4 and
		-- IPv6.
		-- address = nil,

		-- TCP port; 0 takes any free one, which the log names.
		-- From 0 to 65535.
		-- port = 16162,

		-- GSS mechanisms that senders may use here. "dummy" has no security at all and
		-- is for isolated networks.
		-- mechanisms = {},

		-- Addresses and networks whose senders may use the mechanism "dummy"; nobody
		-- else may.
		-- dummy_from = {},
	} },

	-- Index of a document that no rule routes, from the event's own UTC time (%Y %m %d %H).
	-- index = "audit-%Y-%m-%d",

	-- What one peer, and all together, may cost.
	limits = {
		-- Bytes of a frame before its sender is authenticated.
		-- From 64 to 1 MiB.
		-- max_frame_login = 16 * 1024,

		-- Bytes of a frame, and so of a record. A longer one is read past, its head is
		-- set aside in the dead letters, and it is acknowledged.
		-- From 64 KiB to 1 GiB.
		-- max_frame = 8 * 1024 * 1024,

		-- Bytes that are kept of a record longer than max_frame.
		-- From 1 KiB to 64 MiB.
		-- kept_head = 64 * 1024,

		-- Connections at the same time.
		-- From 1 to 1000000.
		-- max_connections = 4096,

		-- Connections at the same time whose senders are not authenticated yet.
		-- From 1 to 1000000.
		-- max_logins = 128,

		-- Seconds that a connection has to authenticate before it is closed.
		-- From 0.1 to 3600 seconds.
		-- login_grace_time = 10,

		-- Bytes received from one sender and not settled. At this cap reading from it
		-- stops; its connection stays.
		-- From 64 KiB to 64 GiB.
		-- max_in_flight_sender = 64 * 1024 * 1024,

		-- Bytes received and not settled, of all senders. At this cap reading stops,
		-- from those first that hold more than their share.
		-- From 64 KiB to 1 TiB.
		-- max_in_flight = 256 * 1024 * 1024,
	},

	-- The rules, and what they may cost.
	rules = {
		-- Directory of the rules: every file *.lua in it, in file-name order. Not set:
		-- no rules run.
		-- directory = nil,

		-- Bytes that the rules may hold in memory.
		-- From 1 MiB to 64 GiB.
		-- max_heap = 64 * 1024 * 1024,

		-- Milliseconds that the rules of one record may run; a rule that runs longer is
		-- stopped and counted as failed.
		-- From 10 to 60000.
		-- time_limit = 100,
	},

	-- What the records themselves do not tell.
	decoder = {
		-- Numbers of the events 313 to 318: as illumos has them, or as SmartOS had them
		-- about 2019.
		-- One of "illumos", "smartos".
		-- events = "illumos",

		-- Senders are little-endian (x86), so that ports in terminal ids and socket
		-- tokens arrive with swapped bytes.
		-- swapped_ports = true,

		-- Ports of login services beyond the usual ones (21 22 23 79 512 513 514 543
		-- 544); they tell a network login from a device.
		-- service_ports = {},
	},

	-- Where documents go.
	output = {
		-- Where documents go.
		-- One of "stdout", "file", "elasticsearch".
		-- type = "stdout",

		-- Elasticsearch or OpenSearch nodes, each "http://host:9200" or
		-- "https://host:9200"; requests go to those that are well.
		-- urls = {},

		-- User for basic authentication; with password_file.
		-- username = nil,

		-- File that holds the password. It must belong to us or to root, and nobody
		-- else may read it.
		-- password_file = nil,

		-- File that holds an API key in its encoded form, instead of user and password.
		-- api_key_file = nil,

		-- CA certificates (PEM) for https. Not set: those of the system.
		-- ca_file = nil,

		-- Let credentials travel over plain http to another machine, where anybody on
		-- the way can read them.
		-- plain_credentials = false,

		-- Compress requests: a tenth of the bytes for some processor time.
		-- gzip = false,

		-- Documents in one bulk request.
		-- From 1 to 100000.
		-- max_documents = 2000,

		-- Bytes of one bulk request, before compression.
		-- From 16 KiB to 100 MiB.
		-- max_bytes = 5 * 1024 * 1024,

		-- Bulk requests at the same time.
		-- From 1 to 64.
		-- max_in_flight = 4,

		-- Bytes of documents that wait, are in flight or are to be tried again. At this
		-- cap no further record is taken up.
		-- From 1 MiB to 64 GiB.
		-- max_held_bytes = 32 * 1024 * 1024,

		-- Seconds until a request without answer is sent again. Keep it above 60: a
		-- server whose neighbour hangs answers after half a minute.
		-- From 1 to 3600 seconds.
		-- request_timeout = 75,

		-- Seconds that a document with an unknown server error (5xx) is tried again
		-- before it goes to the dead letters.
		-- From 1 to 1000000000 seconds.
		-- retry_for = 600,

		-- Name of our index template on the server.
		-- template_name = "auditrecv",

		-- Index names that our index template is for.
		-- template_pattern = "audit-*",

		-- File that documents are written to, one JSON line each (type "file").
		-- path = nil,

		-- Begin a new file at this size; 0: never.
		-- From 0 to 1 TiB.
		-- rotate_bytes = 0,

		-- Older files that are kept; 0: all.
		-- From 0 to 10000.
		-- rotate_keep = 0,
	},

	-- Where records go that cannot become documents.
	dead_letters = {
		-- File for records that were set aside, one JSON line each with the reason and
		-- the raw record.
		-- file = "dead-letters.ndjson",

		-- Size of that file at which nothing more is set aside: such records stay
		-- unacknowledged, with an alarm.
		-- From 1 MiB to 1 TiB.
		-- max_bytes = 1024 * 1024 * 1024,
	},

	-- What we expect of senders.
	senders = {
		-- Seconds after which a sender that was connected and has not come back is
		-- named in an alarm line, with the cure.
		-- From 1 to 1000000000 seconds.
		-- alarm_after = 900,

		-- Senders that are remembered. Beyond, those are forgotten that are gone, were
		-- named and have nothing waiting.
		-- From 1 to 10000000.
		-- most = 16384,
	},

	-- How a stop goes.
	stop = {
		-- Seconds that a stop may take to settle and acknowledge what has arrived.
		-- From 0 to 3600 seconds.
		-- time_limit = 45,

		-- Seconds to read on after our half-close, so that no reset destroys
		-- acknowledgements.
		-- From 0 to 600 seconds.
		-- linger = 5,
	},

	-- What is said on stderr.
	log = {
		-- Lines above this level are not written.
		-- One of "error", "warn", "info", "debug".
		-- level = "info",
	},
}
