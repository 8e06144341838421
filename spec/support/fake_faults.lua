-- fake_faults: what goes wrong with items and with whole requests, in the words of six real servers.

local faults = {}

-- Faults of items. Each gets the flavour and what is known: index, id, field, value, kind.

local fault = {}

local function mapper(flavour, reason, caused_by)
  return {
    status = 400,
    type = flavour.newer and "document_parsing_exception" or "mapper_parsing_exception",
    reason = (flavour.newer and "[1:7] " or "") .. reason,
    caused_by = caused_by and { type = caused_by[1], reason = caused_by[2] },
  }
end

local function argument(reason) return { status = 400, type = "illegal_argument_exception", reason = reason } end

local function parse_failure(flavour, type, reason)
  if flavour.newer then return mapper(flavour, "failed to parse: " .. reason, { type, reason }) end
  return mapper(flavour, "failed to parse", { type, reason })
end

function fault.wrong_value(flavour, at)
  local reason = ("failed to parse field [%s] of type [%s] in document with id '%s'. Preview of field's value: '%s'")
    :format(at.field, at.kind or "long", at.id, at.value or "abc")
  return mapper(flavour, reason,
    { "illegal_argument_exception", at.because or ('For input string: "%s"'):format(at.value or "abc") })
end

function fault.object_expected(flavour, at)
  return mapper(flavour, ("object mapping for [%s] tried to parse field [%s] as object, but found a concrete value")
    :format(at.field, at.listed and "null" or at.field))
end

function fault.cannot_change(_, at)
  return argument(("mapper [%s] cannot be changed from type [%s] to [%s]")
    :format(at.field, at.kind or "long", at.value or "text"))
end

function fault.cannot_merge(_, at)
  return argument(("can't merge a non object mapping [%s] with an object mapping"):format(at.field))
end

function fault.scalar_in_the_way(flavour, at)
  local parent = at.field:match("^(.*)%.[^.]*$") or at.field
  if flavour.newer then
    return fault.wrong_value(flavour, {
      field = parent, id = at.id, value = "{b=1}", because = "Expected text at 1:7 but found START_OBJECT",
    })
  end
  return mapper(flavour, ("Could not dynamically add mapping for field [%s]. Existing mapping for [%s] must be of type "
    .. "object but found [long]."):format(at.field, parent))
end

function fault.immense_term(flavour, at)
  local text = ('Document contains at least one immense term in field="%s" (whose UTF8 encoding is longer than the max '
    .. "length 32766), all of which were skipped."):format(at.field)
  if not flavour.newer then return argument(text) end
  return fault.wrong_value(flavour,
    { field = at.field, id = at.id, value = at.value, kind = "keyword", because = text })
end

function fault.doc_values(_, at)
  return argument(('DocValuesField "%s._valueAndPath" is too large, must be <= 32766'):format(at.field))
end

function fault.flattened_immense(flavour, at)
  return fault.wrong_value(flavour, { field = at.field, id = at.id, kind = "flattened",
    because = ("Flattened field [%s] contains one immense field whose keyed encoding is longer than the allowed max "
      .. "length of 32766 bytes. Key length: 3, value length: 32764 for key starting with [key]"):format(at.field) })
end

function fault.total_fields(flavour)
  if not flavour.elastic then return argument "Limit of total fields [1000] has been exceeded" end
  return parse_failure(flavour, "illegal_argument_exception",
    "Limit of total fields [1000] has been exceeded while adding new fields [1]")
end

function fault.depth(flavour, at)
  local text = ("Limit of mapping depth [20] has been exceeded due to object field [%s]"):format(at.field)
  if flavour.newer then return mapper(flavour, "failed to parse: " .. text, { "illegal_argument_exception", text }) end
  if flavour.elastic or flavour.name == "O1" then return argument(text) end
  return parse_failure(flavour, "illegal_argument_exception",
    "The depth of the field has exceeded the allowed limit of [20]. This limit can be set by changing the "
    .. "[index.mapping.depth.limit] index level setting.")
end

function fault.strict(flavour, at)
  local within, name = at.field:match("^(.*)%.([^.]*)$")
  return {
    status = 400, type = "strict_dynamic_mapping_exception",
    reason = ("%smapping set to strict, dynamic introduction of [%s] within [%s] is not allowed"):format(
      flavour.newer and "[1:13] " or "", name or at.field, within or "_doc"),
  }
end

function fault.broken_json(flavour)
  return parse_failure(flavour, "json_parse_exception", "Unexpected character ('x' (code 120))")
end

function fault.duplicate_key(flavour, at)
  return parse_failure(flavour, "json_parse_exception", ("Duplicate field '%s'"):format(at.field))
end

function fault.bad_name(flavour)
  return parse_failure(flavour, "illegal_argument_exception", "field name cannot be an empty string")
end

function fault.not_an_object(flavour)
  if flavour.newer then
    return mapper(flavour, "failed to parse: Malformed content, must start with an object",
      { "parsing_exception", "Malformed content, must start with an object" })
  end
  return mapper(flavour, "failed to parse", { "not_x_content_exception",
    "Compressor detection can only be called on some xcontent bytes or compressed xcontent bytes" })
end

function fault.empty_document(flavour) return mapper(flavour, "failed to parse, document is empty") end

function fault.exists(_, at)
  return { status = 409, type = "version_conflict_engine_exception", where = true,
    reason = ("[%s]: version conflict, document already exists (current version [1])"):format(at.id) }
end

function fault.missing_id() return argument "if _id is specified it must not be empty" end

-- the destination's

local function blocked(status, code, text, index)
  return { status = status, type = "cluster_block_exception", where = true,
    reason = ("index [%s] blocked by: [%s/%s];"):format(index, code, text) }
end

function fault.write_block(_, at) return blocked(403, "FORBIDDEN/8", "index write (api)", at.index) end
function fault.read_only(_, at) return blocked(403, "FORBIDDEN/5", "index read-only (api)", at.index) end
function fault.metadata_block(_, at) return blocked(403, "FORBIDDEN/9", "index metadata (api)", at.index) end
function fault.disk_full(_, at)
  return blocked(429, "TOO_MANY_REQUESTS/12",
    "disk usage exceeded flood-stage watermark, index has read-only-allow-delete block", at.index)
end
function fault.closed() return { status = 400, type = "index_closed_exception", reason = "closed", where = true } end
function fault.no_auto_create(flavour, at)
  return { status = 404, type = "index_not_found_exception", where = true, reason = ("no such index [%s]%s"):format(
    at.index, flavour.elastic and " and [action.auto_create_index] is [false]" or "") }
end
function fault.template_forbids(_, at)
  return { status = 404, type = "index_not_found_exception", where = true,
    reason = ("no such index [%s] and composable template [te-*] forbids index auto creation"):format(at.index) }
end
function fault.deleted(_, at)
  return { status = 404, type = "index_not_found_exception", where = true,
    reason = ("no such index [%s]"):format(at.index) }
end
function fault.no_write_index(_, at)
  return argument(("no write index is defined for alias [%s]. The write index may be explicitly disabled using "
    .. "is_write_index=false or the alias points to multiple indices without one being designated as a write index")
    :format(at.index))
end
function fault.no_pipeline() return argument "pipeline with id [nope] does not exist" end
function fault.shard_limit()
  return { status = 400, type = "validation_exception", reason = "Validation Failed: 1: this action would add [2] "
    .. "shards, but this cluster currently has [999]/[1000] maximum normal shards open;" }
end
function fault.bad_index_name(_, at)
  return { status = 400, type = "invalid_index_name_exception", where = true,
    reason = ("Invalid index name [%s], %s"):format(at.index, at.because or "must be lowercase") }
end
function fault.routing_missing(_, at)
  return { status = 400, type = "routing_missing_exception", where = true,
    reason = ("routing is required for [%s]/[%s]"):format(at.index, at.id) }
end
function fault.forbidden(flavour, at)
  return { status = 403, type = "security_exception", reason = ("action [indices:data/write/bulk[s]] is unauthorized "
    .. "for user [shipper] with %sroles [audit] on indices [%s], this action is granted by the index privileges "
    .. "[create_doc,create,index,write,all]"):format(flavour.name == "E7" and "" or "effective ", at.index) }
end
function fault.may_not_create(flavour, at)
  return { status = 403, type = "security_exception", reason = ("action [indices:admin/auto_create] is unauthorized "
    .. "for user [shipper] with %sroles [audit] on indices [%s], this action is granted by the index privileges "
    .. "[auto_configure,create_index,manage,all]"):format(flavour.name == "E7" and "" or "effective ", at.index) }
end

-- the moment's

function fault.rejected(flavour)
  return { status = 429, type = flavour.rejected,
    reason = "rejected execution of org.elasticsearch.action.support.replication.TransportWriteAction$1@42 on "
      .. "EsThreadPoolExecutor[name = vm/write, queue capacity = 1, active threads = 1, queued tasks = 1]" }
end
function fault.pressure(flavour)
  return { status = 429, type = flavour.rejected, reason = "rejected execution of primary operation "
    .. "[coordinating_and_primary_bytes=0, replica_bytes=0, all_bytes=0, primary_operation_bytes=30257, "
    .. "max_primary_bytes=20480]" }
end
function fault.operation_size()
  return { status = 429, type = "es_rejected_execution_exception", reason = "Request contains an operation of size "
    .. "[30225] bytes, which exceeds the maximum allowed limit of [20480] bytes" }
end
function fault.breaker()
  return { status = 429, type = "circuit_breaking_exception",
    reason = "[parent] Data too large, data for [indices:data/write/bulk[s]] would be [16008780/15.2mb], which is "
      .. "larger than the limit of [15728640/15mb]",
    extra = '"bytes_wanted":16008780,"bytes_limit":15728640,"durability":"TRANSIENT"' }
end
function fault.unavailable(_, at)
  return { status = 503, type = "unavailable_shards_exception", where = true,
    reason = ("[%s][0] primary shard is not active Timeout: [1m], request: [BulkShardRequest [[%s][0]] containing "
      .. "[index {[%s][%s], source[…]}]]"):format(at.index, at.index, at.index, at.id) }
end
function fault.mapping_timeout(flavour, at)
  return { status = flavour.name == "E9" and 429 or 503, type = "process_cluster_event_timeout_exception",
    reason = ("failed to process cluster event (put-mapping [%s/uMKPGf3oRoGX6nMj6OEltQ]) within 30s"):format(at.index) }
end
function fault.no_master(flavour)
  return { status = 503, type = flavour.elastic and "master_not_discovered_exception"
    or "cluster_manager_not_discovered_exception", reason = false }
end
function fault.no_space() return { status = 500, type = "i_o_exception", reason = "No space left on device" } end
function fault.no_such_shard(_, at)
  return { status = 404, type = "shard_not_found_exception", reason = "no such shard", where = at.index ~= nil }
end
function fault.node_gone()
  return { status = 500, type = "node_not_connected_exception",
    reason = "[n2][127.0.0.1:9302] Node not connected" }
end
function fault.unknown() return { status = 500, type = "null_pointer_exception", reason = false } end

--- A fault of one item by its name, or one given in full ({ status =, type =, reason =, … } passes through).
---@param flavour table
---@param named string|table
---@param at table index, id, and what the fault wants of field, value, kind, because
---@return table
function faults.item(flavour, named, at)
  if type(named) == "table" then return named end
  local make = fault[named] or error("no fault is called " .. tostring(named), 2)
  return make(flavour, setmetatable({ field = at.field or "args" }, { __index = at }))
end

-- Faults of whole requests: status, error, and, where it is so, other headers or no body.

local whole = {}

function whole.busy(flavour)
  return 429, { type = flavour.rejected, reason = ("rejected execution of coordinating operation "
    .. "[coordinating_and_primary_bytes=0, replica_bytes=0, all_bytes=0, coordinating_operation_bytes=30257, %s=20480]")
    :format(flavour.newer and "max_coordinating_bytes" or "max_coordinating_and_primary_bytes") }
end
function whole.breaker()
  local error = fault.breaker()
  return 429, { type = error.type, extra = error.extra,
    reason = error.reason:gsub("indices:data/write/bulk%[s%]", "<http_request>") }
end
function whole.blocked()
  return 403, { type = "cluster_block_exception", reason = "blocked by: [FORBIDDEN/6/cluster read-only (api)];" }
end
function whole.blocked_for_writes()
  return 403, { type = "cluster_block_exception",
    reason = "blocked by: [FORBIDDEN/13/cluster read-only / allow delete (api)];" }
end
function whole.no_master()
  return 503, { type = "cluster_block_exception", reason = "blocked by: [SERVICE_UNAVAILABLE/2/no master];" }
end
function whole.master_not_discovered()
  return 503, { type = "master_not_discovered_exception", reason = false }
end
function whole.forbidden(flavour)
  return 403, { type = "security_exception", reason = ("action [indices:data/write/bulk] is unauthorized for user "
    .. "[shipper] with %sroles [none], this action is granted by the index privileges [create_doc,create,delete,index,"
    .. "write,all]"):format(flavour.name == "E7" and "" or "effective ") }
end
function whole.unterminated()
  return 400, { type = "illegal_argument_exception", reason = "The bulk request must be terminated by a newline [\\n]" }
end
function whole.plain_text(flavour)
  if flavour.name == "O2" or flavour.name == "O3" then return 400, { text = "Failed to parse JSON" } end
  return 400, { text = (flavour.elastic and "No ElasticsearchException found" or "No OpenSearchException found") }
end

--- A fault of a whole request by its name: status and error.
---@param flavour table
---@param name string
---@return integer, table
function faults.whole(flavour, name)
  local make = whole[name] or error("no fault of a whole request is called " .. tostring(name), 2)
  return make(flavour)
end

return faults
