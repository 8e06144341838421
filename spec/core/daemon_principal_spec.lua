local groups = require "core.groups"

describe("a principal", function()
  for _, case in ipairs {
    { "host/db1.example.net@EXAMPLE.NET", "db1.example.net" },
    { "host/DB1.Example.NET@EXAMPLE.NET", "db1.example.net" },
    { "root/db1.example.net@EXAMPLE.NET", "db1.example.net" },
    { "host/short@R", "short" },
    { "host/a_b-c.x9@sub.EXAMPLE.net", "a_b-c.x9" },
  } do
    it("names its host: " .. case[1], function() assert.equal(case[2], groups.host(case[1])) end)
  end

  for _, case in ipairs {
    { "host/db1.example.net", "the realm is missing" },
    { "host/db1.example.net@", "the realm is missing" },
    { "admin@EXAMPLE.NET", "names no host" },
    { "@EXAMPLE.NET", "names no host" },
    { "/db1@EXAMPLE.NET", "SERVICE/HOST@REALM is wanted" },
    { "host/@EXAMPLE.NET", "is not the name of a host" },
    { "host/.example.net@EXAMPLE.NET", "is not the name of a host" },
    { "host/db1/extra@EXAMPLE.NET", "is not the name of a host" },
    { "host/db1\\/x@EXAMPLE.NET", "is not the name of a host" },
    { "host/db1\\@EVIL@EXAMPLE.NET", "SERVICE/HOST@REALM is wanted" },
    { "host/db 1@EXAMPLE.NET", "is not the name of a host" },
    { "host/db1@EXAMPLE.NET@EVIL", "SERVICE/HOST@REALM is wanted" },
    { "host/*@EXAMPLE.NET", "is not the name of a host" },
    -- it would pass for a sender that has not authenticated
    { "host/192.0.2.1@EXAMPLE.NET", "is not the name of a host" },
    { "host/" .. ("x"):rep(256) .. "@R", "is not the name of a host" },
  } do
    it("that is none is told: " .. case[1]:sub(1, 40), function()
      local host, why = groups.host(case[1])
      assert.is_nil(host)
      assert.matches(case[2], why, 1, true)
    end)
  end
end)

describe("a pattern of principals", function()
  for _, case in ipairs {
    { "host/db1.example.net@EXAMPLE.NET", "host/db1.example.net@EXAMPLE.NET", true },
    { "host/DB1.example.net@EXAMPLE.NET", "host/db1.EXAMPLE.net@EXAMPLE.NET", true },
    { "host/db1.example.net@EXAMPLE.NET", "host/db1.example.net@example.net", false },
    { "host/db1.example.net@EXAMPLE.NET", "host/db1.example.net@OTHER.NET", false },
    { "host/db1.example.net@EXAMPLE.NET", "host/db1.example.net.evil.org@EXAMPLE.NET", false },
    { "host/db1.example.net@EXAMPLE.NET", "host/xdb1.example.net@EXAMPLE.NET", false },
    { "host/db1.example.net@EXAMPLE.NET", "root/db1.example.net@EXAMPLE.NET", false },
    { "host/db1.example.net@EXAMPLE.NET", "HOST/db1.example.net@EXAMPLE.NET", false },
    { "host/*.example.net@EXAMPLE.NET", "host/db1.example.net@EXAMPLE.NET", true },
    { "host/*.example.net@EXAMPLE.NET", "host/DB1.EXAMPLE.NET@EXAMPLE.NET", true },
    { "host/*.example.net@EXAMPLE.NET", "host/a.b.example.net@EXAMPLE.NET", true },
    { "host/*.example.net@EXAMPLE.NET", "host/example.net@EXAMPLE.NET", false },
    { "host/*.example.net@EXAMPLE.NET", "host/db1.example.net@EXAMPLE.NETWORK", false },
    { "host/*.example.net@EXAMPLE.NET", "host/db1.example.net@EVIL.ORG", false },
    { "host/*.example.net@EXAMPLE.NET", "host/db1example.net@EXAMPLE.NET", false },
    { "host/*.example.net@EXAMPLE.NET", "host/db1.example.net.evil.org@EXAMPLE.NET", false },
    { "host/db*.example.net@EXAMPLE.NET", "host/db12.example.net@EXAMPLE.NET", true },
    { "host/db*.example.net@EXAMPLE.NET", "host/db.example.net@EXAMPLE.NET", false },
    { "host/db*@R", "host/db1@R", true },
    { "host/aba*aba@R", "host/aba@R", false },
    { "host/aba*aba@R", "host/abaaba@R", false },
    { "host/aba*aba@R", "host/abaxaba@R", true },
    { "host/*@R", "host/x@R", true },
  } do
    it(("%s: %s %s"):format(case[1], case[3] and "has" or "has not", case[2]), function()
      assert.equal(case[3], groups.matches(case[1], case[2]))
    end)
  end

  for _, case in ipairs {
    { "host/*.*@R", "only one *" },
    { "host/**@R", "only one *" },
    { "*/db1@R", "SERVICE/HOST@REALM is wanted" },
    { "host/db1@*", "SERVICE/HOST@REALM is wanted" },
    { "host/*.example.net", "the realm is missing" },
    { "*", "the realm is missing" },
    { "host/db?@R", "is not the name of a host" },
  } do
    it("that is none is told: " .. case[1], function()
      local _, why = groups.matches(case[1], "host/db1@R")
      assert.matches(case[2], why, 1, true)
    end)
  end
end)
