-- What everybody who uses generated trails counts on.

local function trail(arguments)
  local pipe = assert(io.popen("lua5.4 spec/bench/generate.lua " .. arguments, "r"))
  local bytes = pipe:read "a"
  assert(pipe:close(), "the generator failed")
  return bytes
end

-- The records of a bare trail, cut by the lengths in their headers.
local function records(bytes)
  local list, at = {}, 1
  while at <= #bytes do
    local length = string.unpack(">I4", bytes, at + 1)
    list[#list + 1] = bytes:sub(at, at + length - 1)
    at = at + length
  end
  assert.equal(#bytes + 1, at)
  return list
end

local decoder = require "core.bsm"

local function assert_sound(list)
  for i, record in ipairs(list) do
    local document = decoder.json(record)
    assert.is_nil(document:find('"damaged"', 1, true), i .. ": " .. document)
    assert.is_nil(document:find('"unknown_token"', 1, true), i .. ": " .. document)
  end
end

local subjects = { [0x75] = true, [0x7C] = true }

describe("spec.bench.generate", function()
  for _, profile in ipairs { "execve", "mixed" } do
    describe("profile " .. profile, function()
      local options = ("--profile %s --records 500 --seed 11 --bare"):format(profile)
      local bytes = trail(options)

      it("writes the same bytes for the same seed, and others for another", function()
        assert.is_true(bytes == trail(options))
        assert.is_false(bytes == trail(options:gsub("11", "12")))
      end)

      it("writes as many records as asked for, in the order of time, no two alike", function()
        local list, seen, last = records(bytes), {}, 0
        assert.equal(500, #list)
        for _, record in ipairs(list) do
          local id, time_at = record:byte(), 11
          if id == 0x79 then time_at = 11 + 4 + 4 end
          local seconds, nanoseconds = string.unpack(">i8i8", record, time_at)
          local time = seconds * 1000000000 + nanoseconds
          assert.is_true(time > last and nanoseconds < 1000000000)
          assert.is_nil(seen[record])
          last, seen[record] = time, true
        end
      end)

      it("writes records that decode to their end", function() assert_sound(records(bytes)) end)

      it("gives each record a process id of its own", function()
        local list = records(bytes)
        local found = 0
        for i, record in ipairs(list) do
          local pid = string.pack(">I4", 100 + i)
          for at in record:gmatch("()" .. pid:gsub("%W", "%%%0")) do
            if at > 21 and subjects[record:byte(at - 21)] then found = found + 1 break end
          end
        end
        assert.equal(500, found)
      end)
    end)
  end

  it("frames a trail with file tokens", function()
    local bytes = trail "--records 3 --start 1000"
    assert.equal("\x11\0\0\3\xE8\0\0\0\0\0\1\0", bytes:sub(1, 12))
    assert.equal(0x11, bytes:byte(-12))
    assert.equal(3, #records(bytes:sub(13, -13)))
  end)

  it("tells a story of some hundred records", function()
    local list = records(trail "--profile demo --bare")
    assert.is_true(#list >= 200 and #list <= 500, #list .. " records")
    assert_sound(list)
    local said = table.concat(list)
    for _, word in ipairs { "hunter2", "zlogin", "auditconfig", "/etc/passwd.tmp", "Authentication failed" } do
      assert.truthy(said:find(word, 1, true), word)
    end
  end)

  it("measures what the benches are defined by", function()
    for profile, expected in pairs { execve = { 263, 7.0 }, mixed = { 212, 6.6 } } do
      local bytes, tokens = trail("--size-histogram --profile " .. profile):match("([%d.]+) bytes and ([%d.]+) tokens")
      assert.near(expected[1], tonumber(bytes), 6)
      assert.near(expected[2], tonumber(tokens), 0.1)
    end
  end)

  it("says what is wrong with its arguments, and exits with 2", function()
    local pipe = io.popen("lua5.4 spec/bench/generate.lua --profile nothing 2>&1", "r")
    assert.truthy(pipe:read("a"):find("no profile is called nothing", 1, true))
    assert.same({ nil, "exit", 2 }, { pipe:close() })
  end)
end)
