-- generate: writes trails of illumos records for benches, tests and the demo; the same seed writes the same bytes.
--
--   lua5.4 spec/bench/generate.lua --profile execve --records 1000000 --seed 7 --out FILE
--
-- A pool of varied records is built once; then each record of the trail is one of the pool with a time and a process id
-- of its own, so that a million of them are a matter of seconds and no two are the same.

local here = arg and arg[0]:match("^(.*)spec/bench/generate%.lua$") or ""
package.path = here .. "?.lua;" .. package.path

local bsm = require "spec.support.bsm_build"
local population = require "spec.bench.population"
local profiles = require "spec.bench.profiles"

local POOL = 20000
local BATCH = 4096

local usage = [[
usage: lua5.4 spec/bench/generate.lua [option…]
  --profile NAME       execve (default), mixed, or demo (a story of some hundred records; --records has no say)
  --records N          how many records (default 1000)
  --seed N             which world (default 1)
  --start SECONDS      time of the first record (default: a fixed day)
  --out FILE           where to (default: standard output)
  --bare               records only, without the file tokens of a trail
  --size-histogram     print averages and a histogram of record sizes instead of a trail
]]

local function fail(message)
  io.stderr:write("generate: ", message, "\n", usage)
  os.exit(2)
end

local function options(list)
  local opts = { profile = "execve", records = 1000, seed = 1 }
  local takes = { profile = tostring, records = tonumber, seed = tonumber, start = tonumber, out = tostring }
  local i = 1
  while i <= #list do
    local name = list[i]:match("^%-%-(.+)$") or fail("what is " .. list[i] .. "?")
    if name == "bare" or name == "size-histogram" then
      opts[name] = true
    elseif name == "help" then
      io.stdout:write(usage)
      os.exit(0)
    elseif takes[name] and list[i + 1] then
      i = i + 1
      opts[name] = takes[name](list[i]) or fail("--" .. name .. " wants a number")
      if takes[name] == tonumber then
        opts[name] = math.tointeger(opts[name]) or fail("--" .. name .. " wants an integer")
      end
    else
      fail("unknown or unfinished option " .. list[i])
    end
    i = i + 1
  end
  return opts
end

-- The pool, cut at the places that vary: before the time, between time and pid, behind the pid.
local function build_pool(make, world, size)
  local pool = {}
  for i = 1, size do
    local record = make(world)
    record.front = record.bytes:sub(1, record.time_at)
    record.middle = record.bytes:sub(record.time_at + 17, record.pid_at)
    record.back = record.bytes:sub(record.pid_at + 5)
    pool[i] = record
  end
  return pool
end

local function write_records(out, pool, count, seconds)
  local pack, random = string.pack, math.random
  local nanoseconds, size = 0, #pool
  local batch, filled = {}, 0
  for i = 1, count do
    nanoseconds = nanoseconds + random(1000, 99999)
    if nanoseconds >= 1000000000 then
      seconds, nanoseconds = seconds + 1, nanoseconds - 1000000000
    end
    local record = pool[random(size)]
    filled = filled + 1
    batch[filled] = record.front .. pack(">i8i8", seconds, nanoseconds) .. record.middle
      .. pack(">I4", 100 + i % 4000000) .. record.back
    if filled == BATCH or i == count then
      assert(out:write(table.concat(batch, "", 1, filled)))
      filled = 0
    end
  end
  return seconds
end

local function histogram(pool)
  local bytes, tokens, buckets, top = 0, 0, {}, 0
  for _, record in ipairs(pool) do
    bytes, tokens = bytes + #record.bytes, tokens + record.tokens
    local bucket = #record.bytes // 25
    buckets[bucket] = (buckets[bucket] or 0) + 1
    top = math.max(top, bucket)
  end
  print(("%d records: %.1f bytes and %.2f tokens each on average"):format(#pool, bytes / #pool, tokens / #pool))
  for bucket = 0, top do
    local count = buckets[bucket] or 0
    print(("%4d to %4d bytes %6.2f %% %s"):format(bucket * 25, bucket * 25 + 24, 100 * count / #pool,
      ("#"):rep(math.floor(150 * count / #pool + 0.5))))
  end
end

local function main()
  local opts = options(arg)
  local make = profiles[opts.profile]
  math.randomseed(opts.seed, 0)
  local pool, demo
  if opts.profile == "demo" then
    demo = require("spec.bench.demo").records(opts.start)
  elseif make then
    pool = build_pool(make, population.world(), opts["size-histogram"] and POOL or math.min(POOL, opts.records))
  else
    fail("no profile is called " .. opts.profile)
  end
  if opts["size-histogram"] then
    return histogram(pool or fail("the demo has no pool to measure"))
  end

  local out = opts.out and assert(io.open(opts.out, "wb")) or io.stdout
  out:setvbuf("full", 1 << 20)
  local start = opts.start or demo and demo.start or 1700000000
  if not opts.bare then out:write(bsm.file32 { time = { start, 0 }, name = "" }) end
  local last
  if demo then
    for _, record in ipairs(demo) do assert(out:write(record.bytes)) end
    last = demo.finish
  else
    last = write_records(out, pool, opts.records, start)
  end
  if not opts.bare then out:write(bsm.file32 { time = { last, 0 }, name = "" }) end
  assert(out:flush())
  if opts.out then out:close() end
end

main()
