local output = require "core.output"
local json = require "spec.support.json"

local repair = output.repair

describe("core.output.repair", function()
  for _, case in ipairs {
    { "a member at the root", '{"a":1,"b":"x","c":2}', "b", '{"a":1,"c":2,"tags":["misfit"],"misfit":{"b":"x"}}' },
    { "the first one", '{"a":1,"b":2}', "a", '{"b":2,"tags":["misfit"],"misfit":{"a":1}}' },
    { "the last one", '{"a":1,"b":{"c":[1]}}', "b", '{"a":1,"tags":["misfit"],"misfit":{"b":{"c":[1]}}}' },
    { "the only one", '{"a":1}', "a", '{"tags":["misfit"],"misfit":{"a":1}}' },
    { "one inside", '{"o":{"a":1,"b":2,"c":3},"p":1}', "o.b",
      '{"o":{"a":1,"c":3},"p":1,"tags":["misfit"],"misfit":{"o":{"b":2}}}' },
    { "the first inside", '{"o":{"a":1,"b":2}}', "o.a", '{"o":{"b":2},"tags":["misfit"],"misfit":{"o":{"a":1}}}' },
    { "the last inside", '{"o":{"a":1,"b":2}}', "o.b", '{"o":{"a":1},"tags":["misfit"],"misfit":{"o":{"b":2}}}' },
    { "the only one inside", '{"o":{"a":1}}', "o.a", '{"o":{},"tags":["misfit"],"misfit":{"o":{"a":1}}}' },
    { "one deep inside", '{"o":{"p":{"q":{"r":1,"s":2}}}}', "o.p.q.r",
      '{"o":{"p":{"q":{"s":2}}},"tags":["misfit"],"misfit":{"o":{"p":{"q":{"r":1}}}}}' },
    { "one with a dot in its name", '{"o.a":1,"b":2}', "o.a", '{"b":2,"tags":["misfit"],"misfit":{"o.a":1}}' },
    { "one behind a dot in the middle", '{"o.p":{"a":1,"b":2}}', "o.p.a",
      '{"o.p":{"b":2},"tags":["misfit"],"misfit":{"o.p":{"a":1}}}' },
    { "one with an escape in its name", [[{"a\"b":1,"c":2}]], 'a"b',
      [[{"c":2,"tags":["misfit"],"misfit":{"a\"b":1}}]] },
    { "one that is there in both ways: the roots go whole", '{"o":{"a":1,"b":2},"o.a":3,"c":4}', "o.a",
      '{"c":4,"tags":["misfit"],"misfit":{"o":{"a":1,"b":2},"o.a":3}}' },
    { "one in a list: the root goes whole", '{"o":[{"a":1},{"a":"x"}],"c":4}', "o.a",
      '{"c":4,"tags":["misfit"],"misfit":{"o":[{"a":1},{"a":"x"}]}}' },
    { "one in lists of lists", '{"o":[[{"a":1}]],"c":4}', "o.a",
      '{"c":4,"tags":["misfit"],"misfit":{"o":[[{"a":1}]]}}' },
    { "a sub-field of the mapping", '{"k":"x","c":4}', "k.raw", '{"c":4,"tags":["misfit"],"misfit":{"k":"x"}}' },
    { "tags that are there", '{"b":1,"tags":["x","y"]}', "b", '{"tags":["x","y","misfit"],"misfit":{"b":1}}' },
    { "the tag that is there", '{"b":1,"tags":["misfit"]}', "b", '{"tags":["misfit"],"misfit":{"b":1}}' },
    { "no tags in the list", '{"b":1,"tags":[]}', "b", '{"tags":["misfit"],"misfit":{"b":1}}' },
    { "a tag that is a text", '{"b":1,"tags":"x"}', "b", '{"tags":["x","misfit"],"misfit":{"b":1}}' },
    { "tags that are refused themselves", '{"b":1,"tags":{"x":1}}', "tags", '{"b":1,"misfit":{"tags":{"x":1}}}' },
    { "a misfit that is there", '{"b":1,"misfit":{"x":1}}', "b", '{"tags":["misfit"],"misfit":{"x":1,"b":1}}' },
    { "a misfit of the same name", '{"b":1,"misfit":{"b":2}}', "b",
      '{"tags":["misfit"],"misfit":{"misfit":{"b":2},"b":1}}' },
    { "a misfit that is no object", '{"b":1,"misfit":7}', "b", '{"tags":["misfit"],"misfit":{"misfit":7,"b":1}}' },
    { "blanks", '{ "a" : 1 , "o" : { "x" : 2 , "b" : [ 1 , 2 ] } }', "o.b",
      '{"a":1,"o":{ "x" : 2 },"tags":["misfit"],"misfit":{"o":{"b":[ 1 , 2 ]}}}' },
    { "free parts, when no field is named", '{"time":"t","args":{"a":1},"subject":{"uid":0},"mine":[1],"more":{}}',
      "",
      '{"time":"t","subject":{"uid":0},"tags":["misfit"],"misfit":{"args":{"a":1},"mine":[1],"more":{}}}' },
    { "free parts, when the field is not there", '{"time":"t","args":{"a":1}}', "nowhere",
      '{"time":"t","tags":["misfit"],"misfit":{"args":{"a":1}}}' },
    { "a name that is empty, as a free part", '{"":1,"time":2}', "", '{"time":2,"tags":["misfit"],"misfit":{"":1}}' },
  } do
    it("moves " .. case[1], function()
      local repaired = repair(case[2], case[3])
      assert.is_true(output.json_skip(repaired), repaired)
      assert.equal(case[4]:gsub("%s", ""), (repaired:gsub("%s", "")))
    end)
  end

  for _, case in ipairs {
    { "has only fixed fields and none is named", '{"time":"t","event":"e"}', "", "nothing" },
    { "is empty", "{}", "x", "nothing" },
    { "is refused for its misfit", '{"misfit":{"a":1}}', "misfit.a", "nothing" },
    { "is a list", "[1]", "x", "broken" },
    { "is a text", '"x"', "x", "broken" },
    { "is cut off", '{"a":{"b":1', "a.b", "broken" },
    { "is cut off behind the field", '{"a":1,"b":', "a", "broken" },
    { "is empty text", "", "a", "broken" },
  } do
    it("gives up when the document " .. case[1], function()
      local repaired, why = repair(case[2], case[3])
      assert.is_nil(repaired)
      assert.equal(case[4], why)
    end)
  end

  it("keeps every value to the byte, at every path of random documents", function()
    local function random_value(depth)
      local kind = math.random(depth > 3 and 3 or 5)
      if kind == 1 then return "9007199254740993" end
      if kind == 2 then return [["\u0000x\ud800"]] end
      if kind == 3 then return "null" end
      local parts, n = {}, math.random(0, 3)
      for i = 1, n do
        parts[i] = (kind == 4 and ('"%s":'):format(("abc"):sub(i, i)) or "") .. random_value(depth + 1)
      end
      return kind == 4 and "{" .. table.concat(parts, ",") .. "}" or "[" .. table.concat(parts, ",") .. "]"
    end
    for _ = 1, 3000 do
      local document = ('{"a":%s,"b":%s,"time":1,"c":%s}'):format(random_value(0), random_value(0), random_value(0))
      local path = {}
      for i = 1, math.random(1, 4) do path[i] = ("abc"):sub(math.random(3)):sub(1, 1) end
      local wanted = table.concat(path, ".")
      local repaired = assert(repair(document, wanted))
      assert.is_true(output.json_skip(repaired), repaired)
      local before, after = json.decode(document), json.decode(repaired)
      assert.is_true(#after.tags == 1 and type(after.misfit) == "table")
      -- Put back, it is the same document.
      local function put_back(into, from)
        for k, v in pairs(from) do
          if type(into[k]) == "table" and type(v) == "table" and not json.is_list(v) then put_back(into[k], v)
          else into[k] = v end
        end
      end
      local misfit = after.misfit
      after.misfit, after.tags = nil, nil
      put_back(after, misfit)
      assert.same(before, after)
    end
  end)

  it("survives any damage to the document", function()
    local base = '{"time":"x","o":{"a":[1,{"b":"\\u0041"}]},"tags":["t"],"misfit":{"z":1}}'
    for _ = 1, 20000 do
      local bytes = { base:byte(1, -1) }
      for _ = 1, math.random(3) do bytes[math.random(#bytes)] = math.random(0, 255) end
      local text = string.char(table.unpack(bytes, 1, math.random(#bytes)))
      local repaired = repair(text, ({ "o.a.b", "o.a", "time", "", "q.r" })[math.random(5)])
      if repaired then assert.is_true(output.json_skip(repaired), text) end
    end
  end)

  it("follows a path only so deep, and says what is broken behind it", function()
    local function nest(n, inside) return ('{"a":'):rep(n) .. inside .. ("}"):rep(n) end
    local path = ("a."):rep(199) .. "a"
    assert.truthy(repair(nest(200, "1"), path):find('"misfit":{"a":{"a":', 1, true))
    assert.truthy(repair('{"o":' .. ("["):rep(100) .. ("]"):rep(100) .. "}", "o.a"))
    assert.same({ nil, "broken" }, { repair(nest(200, "1") .. "x", path) })
    assert.same({ nil, "broken" }, { repair(nest(200, "1,"), path) })
  end)

  it("tells whether a field is there", function()
    assert.is_true(output.repair_finds('{"o":{"a":1}}', "o.a"))
    assert.is_true(output.repair_finds('{"o":{"a":1}}', "o.a.raw"))
    assert.is_false(output.repair_finds('{"o":{"a":1}}', "p"))
    assert.is_false(output.repair_finds('{"o":{"a":1}}', ""))
  end)
end)
