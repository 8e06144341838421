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

		-- GSS mechanisms that senders may use here: "kerberos_v5"; or "dummy", which
		-- has no security at all and is for isolated networks.
		-- mechanisms = {},

		-- Addresses and networks whose senders may use the mechanism "dummy"; nobody
		-- else may.
		-- dummy_from = {},

		-- Kerberos principals that may send here, beside those that groups name; nobody
		-- else may. Each is exact, host/db1.example.net@EXAMPLE.NET, or a pattern of
		-- hosts, host/*.example.net@EXAMPLE.NET, where * stands for one or more
		-- characters. The realm is always given, and compared exactly; case does not
		-- matter in host names.
		-- principals = {},
	} },

	-- The mechanism "kerberos_v5".
	kerberos = {
		-- File with the keys of audit/HOST@REALM, for every name by which senders know
		-- this receiver. It must belong to us or to root, and nobody else may read it.
		-- It is read again when it changes.
		-- keytab = nil,

		-- Let senders use encryption types that are broken (DES, 3DES, RC4).
		-- weak_encryption = false,

		-- Threads that decrypt and sign; 0: none, the event loop does it. Not set: one
		-- a core, four at most.
		-- From 0 to 64.
		-- workers = nil,
	},

	-- Named sets of senders with settings of their own. A sender is in the first group that
	-- names it; what a group does not set is as for everybody.
	-- groups = { {
	--	-- Name of the group: small letters, digits, - and _. The group of everybody who
	--	-- is in no other one is called "default".
	--	-- name = nil,
	--
	--	-- Kerberos principals of its senders, as in listen.principals; they may send to
	--	-- any listener that has "kerberos_v5".
	--	-- principals = {},
	--
	--	-- Addresses and networks of its senders with the mechanism "dummy". They have
	--	-- to be allowed by dummy_from of a listener, too.
	--	-- addresses = {},
	--
	--	-- As the setting index, for this group.
	--	-- index = nil,
	--
	--	-- As the setting rules.directory, for this group.
	--	-- rules = nil,
	--
	--	-- As the setting decoder.events, for this group.
	--	-- One of "illumos", "smartos".
	--	-- events = nil,
	--
	--	-- As the setting decoder.swapped_ports, for this group.
	--	-- True or false.
	--	-- swapped_ports = nil,
	--
	--	-- As the setting decoder.service_ports, for this group.
	--	-- A list of texts.
	--	-- service_ports = nil,
	--
	--	-- As the setting limits.max_in_flight_sender, for each sender of this group.
	--	-- From 64 KiB to 64 GiB.
	--	-- max_in_flight = nil,
	--
	--	-- As the setting ack, for this group.
	--	-- One of "journaled", "indexed".
	--	-- ack = nil,
	-- } },

	-- Index of a document that no rule routes, from the event's own UTC time (%Y %m %d %H).
	-- index = "audit-%Y-%m-%d",

	-- When a record is acknowledged, after which its sender forgets it: when it is in the
	-- journal, or when it is indexed. Not set: "journaled" when there is a journal.
	-- One of "journaled", "indexed".
	-- ack = nil,

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

		-- Connections at the same time whose senders are not authenticated yet, as
		-- begin:rate:full. From begin on, a new one is refused with a probability of
		-- rate percent, which grows to 100 at full. A number alone is full without
		-- refusals: there, a new one costs the oldest of them.
		-- startups = "256:30:1024",

		-- Connections that one address (with IPv6: one /64 network) may open in a
		-- minute; 0: any number.
		-- From 0 to 1000000000.
		-- max_rate = 1200,

		-- Seconds that a connection has to authenticate before it is closed.
		-- From 0.1 to 3600 seconds.
		-- login_grace_time = 10,

		-- Bytes received over one connection of a sender and not settled. At this cap
		-- reading from it stops; the connection stays.
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
		-- cap no further record is taken up. Those of an index that takes nothing may
		-- fill half of it; what is more goes back to the journal, if there is one.
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

	-- Where records are safe until their fate is known.
	journal = {
		-- Directory of the journal; it is made when it is not there, and nobody else
		-- may read it. Not set: there is no journal, and records are acknowledged when
		-- they are indexed.
		-- directory = nil,

		-- A new file of the journal begins at this size.
		-- From 1 MiB to 4 GiB.
		-- segment_bytes = 64 * 1024 * 1024,

		-- Bytes of the whole journal. When records without a fate fill it, what happens
		-- is said by when_full.
		-- From 4 MiB to 1024 TiB.
		-- max_bytes = 16 * 1024 * 1024 * 1024,

		-- Free bytes that are left to the other users of the file system; below, the
		-- journal counts as full.
		-- From 0 to 1 TiB.
		-- reserve = 1024 * 1024 * 1024,

		-- Seconds for which records are kept after their fate is known: the archive; 0:
		-- not at all.
		-- From 0 to 10000000000 seconds.
		-- keep_for = 0,

		-- Bytes of the archive; 0: up to max_bytes.
		-- From 0 to 1024 TiB.
		-- keep_bytes = 0,

		-- Bytes of records that wait for the disk, or were read from it.
		-- From 1 MiB to 64 GiB.
		-- max_memory = 64 * 1024 * 1024,

		-- What happens when the journal is full: "withhold" acknowledgements, so that
		-- the senders keep their records; or "shed" records of the events in shed
		-- first, counted.
		-- One of "withhold", "shed".
		-- when_full = "withhold",

		-- Names of events that may be shed, such as "fchown".
		-- shed = {},
	},

	-- Whom rules may ask.
	lookups = {
		-- Services and files that rules may ask.
		-- services = { {
		--	-- Name by which sources in rule files speak of it.
		--	-- name = nil,
		--
		--	-- Where it answers, "http://host" or "https://host"; either this or
		--	-- file.
		--	-- url = nil,
		--
		--	-- A table in JSON or CSV (told by its first character) instead of a
		--	-- service, of 16 MiB at most; read again when it changes.
		--	-- file = nil,
		--
		--	-- CA certificates (PEM) for https. Not set: those of the system.
		--	-- ca_file = nil,
		--
		--	-- Our certificate (PEM), when the service asks for one; with key_file.
		--	-- cert_file = nil,
		--
		--	-- Its key (PEM). The file must belong to us or to root, and nobody else
		--	-- may read it.
		--	-- key_file = nil,
		--
		--	-- File of lines "Name: value", which go with each request. It must
		--	-- belong to us or to root, and nobody else may read it.
		--	-- headers_file = nil,
		-- } },

		-- Seconds that a record waits at most for an answer; then it goes on without,
		-- and says so in its tags.
		-- From 0.001 to 60 seconds.
		-- deadline = 0.5,

		-- Requests at the same time to one service.
		-- From 1 to 1000.
		-- max_requests = 8,

		-- Records that may wait for answers at the same time; one more goes on without.
		-- From 0 to 10000000.
		-- max_waiting = 10000,

		-- Bytes of answers that are remembered.
		-- From 1 MiB to 64 GiB.
		-- max_bytes = 64 * 1024 * 1024,

		-- File that keeps the answers from one start to the next; written at the stop.
		-- What a crash loses is asked for again.
		-- cache_file = nil,

		-- Seconds in which a document that went on without an answer is completed when
		-- the answer comes: rules see its record again, and it is written over; 0: it
		-- is not. At most max_waiting documents wait for that. Writing over takes the
		-- privilege "index" on the server.
		-- From 0 to 86400 seconds.
		-- complete_within = 0,
	},

	-- Where records go that cannot become documents.
	dead_letters = {
		-- Directory for records that were set aside, each with its reason; it is made
		-- when it is not there, and nobody else may read it. `auditrecv journal dead`
		-- shows, replays and deletes them.
		-- directory = "dead-letters",

		-- Size of that directory at which nothing more is set aside: such records stay
		-- without a fate, with an alarm.
		-- From 4 MiB to 1 TiB.
		-- max_bytes = 1024 * 1024 * 1024,

		-- Seconds for which dead letters are kept; 0: until they are deleted.
		-- From 0 to 10000000000 seconds.
		-- keep_for = 0,
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

	-- What the running program may do.
	service = {
		-- User to become when started as root, once ports are bound and keys are read.
		-- Not set: we stay who we are.
		-- user = nil,

		-- Group to become with it. Not set: the first one of that user.
		-- group = nil,

		-- Let a crash leave a core file, which holds records and keys.
		-- core_dumps = false,

		-- On Linux, have the kernel refuse every system call that the program has no
		-- use for.
		-- seccomp = true,
	},

	-- What is said on stderr.
	log = {
		-- Lines above this level are not written.
		-- One of "error", "warn", "info", "debug".
		-- level = "info",
	},
}
